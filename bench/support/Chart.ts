/** Lines over a few sizes as an SVG picture, one panel each, readable on a light and on a dark page. */

export interface Point {
  readonly value: number
  /** The ends of its spread. */
  readonly low: number
  readonly high: number
}

export interface Panel {
  readonly title: string
  /** One for each size. */
  readonly points: ReadonlyArray<Point>
  /** A second line, dashed. */
  readonly beside?: { readonly name: string; readonly values: ReadonlyArray<number> }
}

export interface Chart {
  readonly title: string
  readonly sizes: ReadonlyArray<number>
  /** What a size is. */
  readonly axis: string
  /** From left to right, then down. */
  readonly panels: ReadonlyArray<Panel>
  readonly columns: number
}

const [width, height] = [440, 250]
const [left, right, top, bottom] = [60, 20, 44, 44]
const header = 44

const style = `
  svg { font: 12px system-ui, sans-serif }
  .page { fill: #ffffff } text { fill: #3d444d } .title { fill: #1f2328; font-weight: 600 }
  .grid { stroke: #d1d9e0 } .band { fill: #0969da; opacity: 0.15 }
  .line { stroke: #0969da; fill: none; stroke-width: 2 } .point { fill: #0969da }
  .beside { stroke: #59636e; fill: none; stroke-width: 1.5; stroke-dasharray: 5 4 }
  @media (prefers-color-scheme: dark) {
    .page { fill: #0d1117 } text { fill: #b7bdc8 } .title { fill: #f0f6fc }
    .grid { stroke: #3d444d } .band { fill: #4493f8; opacity: 0.25 }
    .line { stroke: #4493f8 } .point { fill: #4493f8 } .beside { stroke: #9198a1 }
  }
`

/** Steps of 1, 2 or 5, of which four or five reach the largest value. */
const ticksOf = (largest: number): ReadonlyArray<number> => {
  const rough = largest / 4
  const magnitude = 10 ** Math.floor(Math.log10(rough))
  const step = magnitude * ([1, 2, 5, 10].find((factor) => factor * magnitude >= rough) ?? 10)
  return Array.from({ length: Math.ceil(largest / step) + 1 }, (_, index) => Number((index * step).toPrecision(3)))
}

const escape = (text: string): string => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;")

const text = (x: number, y: number, content: string, anchor: "start" | "middle" | "end", kind = ""): string =>
  `<text x="${x}" y="${y}" text-anchor="${anchor}"${kind === "" ? "" : ` class="${kind}"`}>${escape(content)}</text>`

const drawPanel = ({ axis, sizes }: Chart, { beside, points, title }: Panel): string => {
  const ticks = ticksOf(Math.max(...points.map(({ high }) => high), ...(beside?.values ?? [])))
  const most = ticks.at(-1) ?? 1
  // The sizes are as far from each other as their ratios.
  const span = Math.log(sizes.at(-1) ?? 1) - Math.log(sizes[0] ?? 1)
  const xOf = (index: number) =>
    Math.round(left + ((Math.log(sizes[index] ?? 1) - Math.log(sizes[0] ?? 1)) / span) * (width - left - right))
  const yOf = (value: number) => Math.round((top + (1 - value / most) * (height - top - bottom)) * 10) / 10
  const path = (values: ReadonlyArray<number>) => values.map((value, index) => `${xOf(index)},${yOf(value)}`)
  const at = (end: keyof Point) => path(points.map((point) => point[end]))
  return [
    text(left, top - 16, title, "start", "title"),
    ...ticks.flatMap((tick) => [
      `<line class="grid" x1="${left}" x2="${width - right}" y1="${yOf(tick)}" y2="${yOf(tick)}"/>`,
      text(left - 8, yOf(tick) + 4, tick.toLocaleString("en"), "end"),
    ]),
    ...sizes.map((size, index) => text(xOf(index), height - bottom + 18, String(size), "middle")),
    text((left + width - right) / 2, height - bottom + 36, axis, "middle"),
    `<polygon class="band" points="${[...at("low"), ...at("high").toReversed()].join(" ")}"/>`,
    ...(beside === undefined
      ? []
      : [
          `<polyline class="beside" points="${path(beside.values).join(" ")}"/>`,
          text(width - right, yOf(beside.values.at(-1) ?? 0) - 8, beside.name, "end"),
        ]),
    `<polyline class="line" points="${at("value").join(" ")}"/>`,
    ...points.map(({ value }, index) => `<circle class="point" cx="${xOf(index)}" cy="${yOf(value)}" r="3.5"/>`),
  ].join("\n    ")
}

/** The picture's text. */
export const draw = (chart: Chart): string => {
  const { columns, panels, title } = chart
  const [fullWidth, fullHeight] = [width * columns, header + height * Math.ceil(panels.length / columns)]
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${fullWidth} ${fullHeight}" width="${fullWidth}" height="${fullHeight}" role="img" aria-label="${escape(title).replaceAll('"', "&quot;")}">
  <style>${style}</style>
  <rect class="page" width="${fullWidth}" height="${fullHeight}"/>
  ${text(left, 30, title, "start")}
${panels
  .map((panel, index) => {
    const [x, y] = [(index % columns) * width, header + Math.floor(index / columns) * height]
    return `  <g transform="translate(${x} ${y})">\n    ${drawPanel(chart, panel)}\n  </g>`
  })
  .join("\n")}
</svg>
`
}
