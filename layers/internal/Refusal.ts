/** Why a parameter cannot be carried, and where it stands. */

export type PathPart = string | number
export type Path = ReadonlyArray<PathPart>

/** Thrown inside the encoder only, and caught at its one entrance. */
export class Refusal {
  readonly why: string
  readonly path: Path
  constructor(why: string, path: Path) {
    this.why = why
    this.path = [...path]
  }
}

export const refuse = (why: string, path: Path): never => {
  throw new Refusal(why, path)
}
