/** The Layers: what they provide, fail with and require, and the clients under names of their own. */
import { describe, expectTypeOf, it } from "@effect/vitest"
import { type Config, Context, Data, Effect, Layer, type Redacted, type Scope } from "effect"
import {
  type Client,
  cypher,
  type Neo4jClient,
  Neo4jConfig,
  type Neo4jDriver,
  type Neo4jError,
  type Row,
  type SessionMonitor,
  type SessionPool,
} from "effect-neo4j"
import { Neo4j } from "effect-neo4j/layers"

type Services = Neo4jClient | SessionPool | SessionMonitor | Neo4jDriver

class Missing extends Data.TaggedError("Missing") {}
class Vault extends Context.Service<Vault, { readonly settings: Effect.Effect<Neo4jConfig.Settings, Missing> }>()(
  "types/Vault",
) {}
declare const password: Redacted.Redacted
declare const program: Effect.Effect<number, Missing, Neo4jClient | Vault>

describe("Neo4j.layer", () => {
  it("provides all services, requires none, and fails with Neo4jError", () => {
    expectTypeOf(Neo4j.layer({ uri: "neo4j://localhost" })).toEqualTypeOf<Layer.Layer<Services, Neo4jError>>()
  })

  it("leaves of a program what it does not provide", () => {
    const provided = Effect.provide(program, Neo4j.layer({ uri: "neo4j://localhost" }))
    expectTypeOf(provided).toEqualTypeOf<Effect.Effect<number, Missing | Neo4jError, Vault>>()
  })

  it("takes settings only, with secrets as secrets", () => {
    Neo4j.layer({ uri: "neo4j://localhost", auth: { username: "neo4j", password } })
    Neo4j.layer({ uri: "neo4j://localhost", auth: "none", pool: { maxSize: 5, alerts: false } })
    // @ts-expect-error no server is named
    Neo4j.layer({})
    // @ts-expect-error a password is Redacted
    Neo4j.layer({ uri: "neo4j://localhost", auth: { username: "neo4j", password: "secret" } })
    // @ts-expect-error there is no such setting
    Neo4j.layer({ uri: "neo4j://localhost", poolSize: 5 })
    // @ts-expect-error what Layers decide is no setting of the driver
    Neo4j.layer({ uri: "neo4j://localhost", driver: { disableLosslessIntegers: true } })
  })
})

describe("Neo4j.layerConfig and layerEnv", () => {
  it("fail with ConfigError, too", () => {
    expectTypeOf(Neo4j.layerConfig(Neo4jConfig.config)).toEqualTypeOf<
      Layer.Layer<Services, Neo4jError | Config.ConfigError>
    >()
    expectTypeOf(Neo4j.layerEnv).toEqualTypeOf<Layer.Layer<Services, Neo4jError | Config.ConfigError>>()
  })
})

describe("Neo4j.Service", () => {
  class Archive extends Neo4j.Service<Archive>()("types/Archive", {
    uri: "neo4j://localhost",
    integers: "bigint",
  }) {}

  it("has a client with integers as its settings say", () => {
    const read = Effect.flatMap(Archive, (archive) => archive.read(cypher`RETURN 1 AS n`))
    expectTypeOf(read).toEqualTypeOf<Effect.Effect<ReadonlyArray<Row<bigint>>, Neo4jError, Archive>>()
  })

  it("has a Layer that provides it alone: it is not Neo4jClient", () => {
    expectTypeOf(Archive.layer).toEqualTypeOf<Layer.Layer<Archive, Neo4jError>>()
    expectTypeOf(Effect.provide(program, Archive.layer)).toEqualTypeOf<
      Effect.Effect<number, Missing | Neo4jError, Neo4jClient | Vault>
    >()
  })

  it("has the errors of the Effect that finds its settings", () => {
    class Late extends Neo4j.Service<Late>()(
      "types/Late",
      Effect.suspend((): Effect.Effect<Neo4jConfig.Settings<"number">, Missing> => Effect.fail(new Missing())),
    ) {}
    expectTypeOf(Late.layer).toEqualTypeOf<Layer.Layer<Late, Neo4jError | Missing>>()
    expectTypeOf<Late["Service"]>().toEqualTypeOf<Client<"number">>()
  })
})

describe("Neo4j.Family", () => {
  class Tenants extends Neo4j.Family<Tenants>()("types/Tenants", {
    settings: (_tenant: string) => Effect.flatMap(Vault, ({ settings }) => settings),
  }) {}

  it("requires what finds the settings, once, and fails with that when a client is made", () => {
    expectTypeOf(Tenants.layer).toEqualTypeOf<Layer.Layer<Tenants, Neo4jError, Vault>>()
    const read = Effect.flatMap(Tenants, (tenants) => tenants.use("a", (neo4j) => neo4j.read(cypher`RETURN 1 AS n`)))
    expectTypeOf(read).toEqualTypeOf<Effect.Effect<ReadonlyArray<Row>, Missing | Neo4jError, Tenants>>()
    const client = Effect.flatMap(Tenants, (tenants) => tenants.client("a"))
    expectTypeOf(client).toEqualTypeOf<Effect.Effect<Client, Missing | Neo4jError, Tenants | Scope.Scope>>()
  })

  it("knows its keys", () => {
    // @ts-expect-error a key is a string here
    void Effect.flatMap(Tenants, (tenants) => tenants.invalidate(1))
    expectTypeOf(Effect.flatMap(Tenants, ({ keys }) => keys)).toEqualTypeOf<
      Effect.Effect<ReadonlyArray<string>, never, Tenants>
    >()
  })
})

describe("several Layers", () => {
  it("provide what each of them provides", () => {
    class Archive extends Neo4j.Service<Archive>()("types/Archive", { uri: "neo4j://localhost" }) {}
    expectTypeOf(Layer.mergeAll(Neo4j.layerEnv, Archive.layer)).toEqualTypeOf<
      Layer.Layer<Services | Archive, Neo4jError | Config.ConfigError>
    >()
  })
})
