// Who calls whom, from the callers' egress: a line as thick as its rate, red by its share of failures.

import type { ConsoleState } from '../view.ts';
import { milliseconds, rate, share, shortName } from './format.ts';
import { placeGraph } from './layout.ts';

const [columnWidth, rowHeight, boxWidth, boxHeight, margin] = [190, 46, 124, 30, 12];

interface Props {
  readonly state: ConsoleState;
  readonly selected: string | null;
  readonly select: (service: string) => void;
}

export function Graph({ state, selected, select }: Props) {
  const calls = state.calls.filter((call) => call.golden.requestsPerSecond > 0);
  const places = new Map(placeGraph(calls).map((place) => [place.name, place]));
  const width = (Math.max(0, ...[...places.values()].map((place) => place.column)) + 1) * columnWidth;
  const height = (Math.max(0, ...[...places.values()].map((place) => place.row)) + 1) * rowHeight + margin;
  const at = (name: string) => {
    const place = places.get(name);
    return { x: (place?.column ?? 0) * columnWidth + margin, y: (place?.row ?? 0) * rowHeight + margin };
  };
  return (
    <svg class="graph" viewBox={`0 0 ${width} ${height}`} role="img" aria-label="Who calls whom">
      {calls.map(({ from, to, golden }) => {
        const [start, end] = [at(from), at(to)];
        const [x1, y1, x2, y2] = [start.x + boxWidth, start.y + boxHeight / 2, end.x, end.y + boxHeight / 2];
        const bend = (x1 + x2) / 2;
        const touched = selected === null || selected === from || selected === to;
        return (
          <path
            key={`${from} ${to}`}
            class={`call ${(golden.successShare ?? 1) < 0.99 ? 'bad' : ''} ${touched ? '' : 'dim'}`}
            d={`M${x1},${y1} C${bend},${y1} ${bend},${y2} ${x2},${y2}`}
            stroke-width={Math.min(6, 1 + Math.log2(1 + golden.requestsPerSecond) / 2)}
          >
            <title>
              {shortName(from)} → {shortName(to)}: {rate(golden.requestsPerSecond)}/s,{' '}
              {share(golden.successShare)}, p99 {milliseconds(golden.p99Ms)}
            </title>
          </path>
        );
      })}
      {[...places.values()].map(({ name }) => {
        const { x, y } = at(name);
        return (
          <g
            key={name}
            class={`node ${selected === name ? 'selected' : ''}`}
            transform={`translate(${x},${y})`}
          >
            <a href={`#${name}`} onClick={() => select(name)}>
              <rect width={boxWidth} height={boxHeight} rx="6" />
              <text x={boxWidth / 2} y={boxHeight / 2 + 4}>
                {shortName(name)}
              </text>
            </a>
          </g>
        );
      })}
    </svg>
  );
}
