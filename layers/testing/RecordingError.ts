import * as Schema from "effect/Schema"

/**
 * Why a recording cannot be made or replayed.
 *
 * - `Missing`: there is no file, and none may be recorded here.
 * - `Unreadable`: the file is none, or one of another version.
 * - `Unwritable`: the file could not be written.
 * - `Stale`: the program does not ask what was recorded any more.
 * - `Invalid`: an option is wrong.
 *
 * @category errors
 * @since 0.1.0
 */
export class RecordingError extends Schema.TaggedError<RecordingError>("effect-neo4j/testing/RecordingError")(
  "RecordingError",
  {
    reason: Schema.Literals(["Missing", "Unreadable", "Unwritable", "Stale", "Invalid"]),
    file: Schema.String,
    message: Schema.String,
  },
) {}
