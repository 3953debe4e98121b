// A small line chart of the last minutes: uPlot owns the canvas, Preact owns the place it stands in.

import { useEffect, useRef } from 'preact/hooks';
import uPlot from 'uplot';

interface Props {
  readonly name: string;
  readonly unit: string;
  /** Unix seconds and, for each, the lines' values; null leaves a gap. */
  readonly times: readonly number[];
  readonly lines: readonly {
    readonly label: string;
    readonly color: string;
    readonly values: readonly (number | null)[];
  }[];
}

const height = 130;

export function Chart({ name, unit, times, lines }: Props) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  useEffect(() => {
    if (place.current === null) return;
    plot.current = new uPlot(
      {
        title: `${name} (${unit})`,
        width: place.current.clientWidth,
        height,
        legend: { show: false },
        cursor: { show: false },
        axes: [{ stroke: '#8a93a3' }, { stroke: '#8a93a3', size: 48, grid: { stroke: '#8883', width: 1 } }],
        series: [
          {},
          ...lines.map(({ label, color }) => ({ label, stroke: color, width: 1.5, points: { show: false } })),
        ],
      },
      [[], ...lines.map(() => [])],
      place.current,
    );
    const chart = plot.current;
    return () => chart.destroy();
  }, []);
  useEffect(() => {
    plot.current?.setData([[...times], ...lines.map((line) => [...line.values])]);
  }, [times]);
  return <div class="chart" ref={place} />;
}
