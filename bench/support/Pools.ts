/**
 * Pools that lend ten things at a time, and tasks that borrow from them: fibers and async functions.
 *
 * Ours, the driver's and tarn watch how long each borrower waits; the others let it wait for ever. What the others lend
 * are plain objects, which nobody validates.
 */
import { setImmediate } from "node:timers/promises"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as EffectPool from "effect/Pool"
import type * as ManagedRuntime from "effect/ManagedRuntime"
import * as Scope from "effect/Scope"
import { SessionPool } from "effect-neo4j"
import * as genericPool from "generic-pool"
import * as lightningPool from "lightning-pool"
import { internal } from "neo4j-driver-core"
import * as tarn from "tarn"

/** Each pool lends so many at a time. */
export const size = 10

export const names = {
  ours: "effect-neo4j",
  effect: "Effect's Pool",
  effectAgain: "Effect's Pool (again)",
  driver: "neo4j-driver's pool",
  genericPool: "generic-pool",
  tarn: "tarn",
  lightningPool: "lightning-pool",
} as const

/** What a borrower does with what it got; the same for fibers and for async functions. */
export interface Hold {
  /** Called when it asks; what this gives is handed on. */
  readonly asks: () => number
  readonly fiber: (asked: number) => Effect.Effect<unknown>
  /** Nothing where there is nothing to wait for. */
  readonly promise: (asked: number) => Promise<unknown> | undefined
}

const zero = () => 0

export const nothing: Hold = { asks: zero, fiber: () => Effect.void, promise: () => undefined }

/** Waits for the promise that `begin` gives. */
export const untilSettled = (begin: () => Promise<unknown>): Omit<Hold, "asks"> => {
  const effect = Effect.promise(begin)
  return { fiber: () => effect, promise: begin }
}

export const microtask: Hold = { asks: zero, ...untilSettled(() => Promise.resolve()) }

const nextTurn = Effect.callback<void>((resume) => {
  globalThis.setImmediate(() => resume(Effect.void))
})

export const macrotask: Hold = {
  asks: zero,
  fiber: () => nextTurn,
  promise: () => new Promise((resolve) => globalThis.setImmediate(resolve)),
}

/** Tasks that all begin at once, each of which borrows so many times, one after the other. */
export interface Work {
  readonly tasks: number
  readonly cycles: number
  readonly hold: Hold
}

export interface Pool {
  readonly name: string
  readonly run: (work: Work) => Promise<unknown>
  readonly close: () => Promise<unknown>
}

/** Lends to an effect for as long as that runs. */
export type Use = (body: () => Effect.Effect<unknown>) => Effect.Effect<unknown, unknown>

/** The tasks as fibers. */
export const fibers = (use: Use, { cycles, hold, tasks }: Work): Effect.Effect<unknown, unknown> => {
  const task = Effect.suspend(() => {
    let left = cycles
    return Effect.whileLoop({
      while: () => left-- > 0,
      body: () => {
        const asked = hold.asks()
        return use(() => hold.fiber(asked))
      },
      step: () => {},
    })
  })
  return tasks === 1
    ? task
    : Effect.all(
        Array.from({ length: tasks }, () => task),
        { concurrency: "unbounded", discard: true },
      )
}

const ofFibers = (name: string, use: Use, close: Pool["close"]): Pool => ({
  name,
  run: (work) => Effect.runPromise(fibers(use, work)),
  close,
})

const ofPromises = <A>(
  name: string,
  acquire: () => Promise<A>,
  release: (item: A) => Promise<unknown> | undefined,
  close: Pool["close"],
): Pool => ({
  name,
  run: ({ cycles, hold, tasks }) => {
    const task = async () => {
      for (let left = cycles; left > 0; left--) {
        const asked = hold.asks()
        const item = await acquire()
        try {
          const held = hold.promise(asked)
          if (held !== undefined) await held
        } finally {
          const released = release(item)
          if (released !== undefined) await released
        }
      }
    }
    return Promise.all(Array.from({ length: tasks }, task))
  },
  close,
})

/** The pool of a runtime, which its owner disposes of. */
export const ours = async (runtime: ManagedRuntime.ManagedRuntime<SessionPool, unknown>): Promise<Pool> => {
  const pool = await runtime.runPromise(SessionPool)
  return ofFibers(
    names.ours,
    (body) => pool.use(body),
    async () => {},
  )
}

export const effect = async (name: string = names.effect): Promise<Pool> => {
  const scope = await Effect.runPromise(Scope.make())
  const pool = await Effect.runPromise(
    Scope.provide(EffectPool.make({ acquire: Effect.sync(() => ({})), size }), scope),
  )
  return ofFibers(
    name,
    (body) => EffectPool.use(pool, body),
    () => Effect.runPromise(Scope.close(scope, Exit.void)),
  )
}

/** The class by which the driver lends its connections. The driver waits for each release, too. */
export const driver = (): Pool => {
  interface Item {
    readonly release: () => Promise<void>
  }
  const server = internal.serverAddress.ServerAddress.fromUrl("127.0.0.1:1")
  const pool = new internal.pool.Pool<Item>({
    create: async (_, address, release) => {
      const item: Item = { release: () => release(address, item) }
      return item
    },
    config: internal.pool.PoolConfig.fromDriverConfig({ maxConnectionPoolSize: size }),
  })
  return ofPromises(
    names.driver,
    () => pool.acquire({}, server),
    (item) => item.release(),
    () => pool.close(),
  )
}

const create = async () => ({})
const destroy = async () => {}

/** The return is done when `release` has returned; its promise tells of a thing that is not of this pool. */
export const generic = (): Pool => {
  const pool = genericPool.createPool({ create, destroy }, { max: size, min: size })
  return ofPromises(
    names.genericPool,
    () => pool.acquire(),
    (item) => {
      pool.release(item).catch(() => {})
      return undefined
    },
    async () => {
      await pool.drain()
      await pool.clear()
    },
  )
}

export const ofTarn = (): Pool => {
  const pool = new tarn.Pool({ create, destroy, max: size, min: size })
  return ofPromises(
    names.tarn,
    () => pool.acquire().promise,
    (item) => {
      pool.release(item)
      return undefined
    },
    () => pool.destroy(),
  )
}

/** Without a minimum, after which it would look at each borrowing; it keeps what it has made for as long as it is used. */
export const lightning = (): Pool => {
  const pool = lightningPool.createPool<object>(
    { create, destroy },
    { max: size, maxQueue: Number.MAX_SAFE_INTEGER, validation: false },
  )
  return ofPromises(
    names.lightningPool,
    () => pool.acquire(),
    (item) => {
      pool.release(item)
      return undefined
    },
    () => pool.closeAsync(),
  )
}

/** Lets tasks come until all have asked, holds all ten things meanwhile, and then lets them go on with a microtask each. */
export const queueUp = async (
  run: (hold: Hold) => Promise<unknown>,
  tasks: number,
): Promise<{ readonly proceed: () => Promise<unknown> }> => {
  const [complete, open] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  let asked = 0
  let hold: Omit<Hold, "asks"> = untilSettled(() => open.promise)
  const done = run({
    asks: () => {
      if (++asked === tasks) complete.resolve()
      return asked
    },
    fiber: (index) => hold.fiber(index),
    promise: (index) => hold.promise(index),
  })
  await complete.promise
  // What a pool does for the last one is done some turns later.
  for (let turns = 0; turns < 10; turns++) await setImmediate()
  return {
    proceed: () => {
      hold = microtask
      open.resolve()
      return done
    },
  }
}

/** Whether no more than ten are lent at a time, and all tasks are done; gives what does not hold. */
export const verify = async (pool: Pool): Promise<ReadonlyArray<string>> => {
  const [tasks, cycles] = [100, 10]
  let [lent, most, count] = [0, 0, 0]
  const hold = untilSettled(async () => {
    most = Math.max(most, ++lent)
    await Promise.resolve()
    lent--
    count++
  })
  await pool.run({ tasks, cycles, hold: { asks: zero, ...hold } })
  return most === size && lent === 0 && count === tasks * cycles
    ? []
    : [`${pool.name} lent ${most} at a time, and ${count} in all to ${tasks} tasks of ${cycles}`]
}

/** What does not hold of the pool of a runtime when nobody borrows. */
export const unsettled = async (
  runtime: ManagedRuntime.ManagedRuntime<SessionPool, unknown>,
  after: string,
): Promise<ReadonlyArray<string>> => {
  const { borrowed, inUse, returned, waiting } = await runtime.runPromise(
    Effect.flatMap(SessionPool, (pool) => pool.stats),
  )
  return inUse === 0 && waiting === 0 && borrowed === returned
    ? []
    : [`after ${after}: ${inUse} in use, ${waiting} waiting, ${borrowed} borrowed, ${returned} returned`]
}
