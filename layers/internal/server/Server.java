import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.Map;
import org.neo4j.configuration.connectors.ConnectorPortRegister;
import org.neo4j.configuration.connectors.ConnectorType;
import org.neo4j.dbms.api.DatabaseManagementServiceBuilder;
import org.neo4j.kernel.internal.GraphDatabaseAPI;

/**
 * A throwaway Neo4j whose life is its standard input: the first line is the password, and the end of the input is the end of
 * the process and of its home folder. So it ends with the program that holds the other end, however that program ends.
 */
public final class Server {
    private static final int DELETIONS = 10;

    public static void main(String[] arguments) {
        try {
            run(Path.of(arguments[0]));
        } catch (Throwable failure) {
            // Threads of Neo4j may still run and would keep the process alive; the folder stays, for another try.
            for (var cause = failure; cause != null; cause = cause.getCause()) System.err.println(cause);
            Runtime.getRuntime().halt(1);
        }
    }

    private static void run(Path home) throws Exception {
        var input = new BufferedReader(new InputStreamReader(System.in));
        var password = input.readLine();
        new Thread(() -> endWith(input, home)).start();

        var isNew = !Files.exists(home.resolve("data"));
        var service = new DatabaseManagementServiceBuilder(home)
                .loadPropertiesFromFile(home.resolve("neo4j.conf"))
                .build();
        var system = (GraphDatabaseAPI) service.database("system");
        if (isNew) setPassword(system, password);
        var ports = system.getDependencyResolver().resolveDependency(ConnectorPortRegister.class);
        System.out.println("READY " + ports.getLocalAddress(ConnectorType.BOLT).getPort());
    }

    /** With a time limit of its own: the settings may give transactions less than a cold start needs. */
    private static void setPassword(GraphDatabaseAPI system, String password) {
        system.executeTransactionally(
                "ALTER USER neo4j SET PASSWORD $password CHANGE NOT REQUIRED",
                Map.of("password", password),
                result -> null,
                Duration.ofMinutes(1));
    }

    /** Nobody needs the data any more, so nothing is shut down in order: that would take seconds. */
    private static void endWith(BufferedReader input, Path home) {
        try {
            awaitEnd(input);
            // What still runs may write a file into a folder that is being deleted.
            for (var count = 0; Files.exists(home) && count < DELETIONS; count++) delete(home);
        } finally {
            Runtime.getRuntime().halt(0);
        }
    }

    private static void awaitEnd(BufferedReader input) {
        try {
            while (input.readLine() != null) {}
        } catch (IOException broken) {
            // A broken pipe has ended as well.
        }
    }

    private static void delete(Path home) {
        try (var files = Files.walk(home)) {
            files.sorted(Comparator.reverseOrder()).forEach(file -> file.toFile().delete());
        } catch (IOException | UncheckedIOException changed) {
            // Deleted or written to meanwhile: the next round sees it.
        }
    }
}
