// Who calls whom, from the callers' egress: an arrow as thick as its rate, red by its share of failures, with the rate
// at its head.

import type { CallView, ConsoleState } from '../view.ts';
import { milliseconds, rate, serviceName, share } from './format.ts';
import { boxWidth, type Line, type Point, placeGraph } from './layout.ts';

interface Props {
  readonly state: ConsoleState;
  readonly selected: string | null;
  readonly select: (service: string) => void;
}

const head = 7;
const nameLengthMax = 17;

export function Graph({ state, selected, select }: Props) {
  const calls = state.calls.filter(({ golden }) => (golden.requestsPerSecond ?? 0) > 0);
  if (calls.length === 0)
    return (
      <p class="wait">
        {state.golden.requestsPerSecond === null ? 'Not known yet …' : 'Nobody calls anybody.'}
      </p>
    );
  const { boxes, lines, width, height } = placeGraph(calls);
  return (
    <svg
      class="graph"
      viewBox={`0 0 ${width} ${height}`}
      style={`min-width:${Math.round(width * 0.62)}px;max-height:${height * 1.25}px`}
      role="img"
      aria-label="Who calls whom"
    >
      {lines.map((line, at) => (
        <Call key={`${line.from} ${line.to}`} line={line} call={calls[at]!} selected={selected} />
      ))}
      {boxes.map(({ name, x, y, height: tall }) => (
        <g
          key={name}
          class={`node ${selected === name ? 'selected' : ''}`}
          transform={`translate(${x},${y})`}
        >
          <a
            href={`#${name}`}
            onClick={(event) => {
              event.preventDefault();
              select(name);
            }}
          >
            <title>{name}</title>
            <rect width={boxWidth} height={tall} rx="6" />
            <text x={boxWidth / 2} y={tall / 2 + 4}>
              {cut(serviceName(name))}
            </text>
          </a>
        </g>
      ))}
    </svg>
  );
}

function Call({
  line,
  call,
  selected,
}: {
  readonly line: Line;
  readonly call: CallView;
  readonly selected: string | null;
}) {
  const { from, to, golden } = call;
  const touched = selected === null || selected === from || selected === to;
  const bad = (golden.successShare ?? 1) < 0.99 ? 'bad' : '';
  const end = line.points.at(-1)!;
  return (
    <g class={`call ${bad} ${touched ? '' : 'dim'}`}>
      <title>
        {serviceName(from)} → {serviceName(to)}: {rate(golden.requestsPerSecond)}/s,{' '}
        {share(golden.successShare)}, p99 {milliseconds(golden.p99Ms)}
      </title>
      <path
        d={pathOf(line.points)}
        stroke-width={Math.min(5, 1 + Math.log2(1 + (golden.requestsPerSecond ?? 0)) / 2)}
      />
      <polygon
        points={`${end.x},${end.y} ${end.x - head},${end.y - head / 2} ${end.x - head},${end.y + head / 2}`}
      />
      <text x={end.x - head - 3} y={end.y - 3}>
        {rate(golden.requestsPerSecond)}
      </text>
    </g>
  );
}

/** Bends between columns, straight past one. */
function pathOf(points: readonly Point[]): string {
  const [start, ...rest] = points;
  if (start === undefined) return '';
  let at = start;
  const parts = [`M${at.x},${at.y}`];
  for (const [index, point] of rest.entries()) {
    const last = index === rest.length - 1;
    const x = last ? point.x - head + 1 : point.x;
    const bend = (at.x + x) / 2;
    parts.push(`C${bend},${at.y} ${bend},${point.y} ${x},${point.y}`);
    at = last ? point : { x: point.x + boxWidth, y: point.y };
    if (!last) parts.push(`H${at.x}`);
  }
  return parts.join(' ');
}

function cut(name: string): string {
  return name.length <= nameLengthMax ? name : `${name.slice(0, nameLengthMax - 1)}…`;
}
