// A small line chart of the last minutes: uPlot owns the canvas, Preact owns the place it stands in. It is drawn once
// there is something to draw, because axes over nothing are wrong, and follows the width of its place.

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
const spanSeconds = 300;
const axisColor = '#8a93a3';
/** One look is a point, two are a line. */
const pointsMax = 2;

export function Chart({ name, unit, times, lines }: Props) {
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const drawable = times.length > 0;
  useEffect(() => {
    const element = place.current;
    if (!drawable || element === null) return;
    const chart = new uPlot(optionsOf(element.clientWidth, lines), [[], ...lines.map(() => [])], element);
    plot.current = chart;
    const watch = new ResizeObserver(() => chart.setSize({ width: element.clientWidth, height }));
    watch.observe(element);
    return () => {
      watch.disconnect();
      chart.destroy();
      plot.current = null;
    };
  }, [drawable]);
  useEffect(() => {
    plot.current?.setData([[...times], ...lines.map((line) => [...line.values])]);
  }, [times]);
  return (
    <div class="chart">
      <p class="chart-title">
        {lines.map(({ label, color }) => (
          <span key={label}>
            <i style={`background:${color}`} /> {label}
          </span>
        ))}
        <span class="unit">
          {name}, {unit}
        </span>
      </p>
      <div ref={place} />
    </div>
  );
}

function optionsOf(width: number, lines: Props['lines']): uPlot.Options {
  return {
    width,
    height,
    legend: { show: false },
    cursor: { show: false },
    scales: {
      x: { time: true, range: (_, __, last) => [last - spanSeconds, last] },
      y: { range: (_, __, high) => [0, high > 0 ? high * 1.1 : 1] },
    },
    axes: [
      {
        stroke: axisColor,
        grid: { show: false },
        values: (_, splits) => splits.map(clock),
        incrs: [60, 120],
        space: 50,
      },
      { stroke: axisColor, size: 48, grid: { stroke: '#8883', width: 1 } },
    ],
    series: [
      {},
      ...lines.map(({ label, color }) => ({
        label,
        stroke: color,
        width: 1.5,
        points: { show: (chart: uPlot) => (chart.data[0]?.length ?? 0) <= pointsMax, size: 5, fill: color },
      })),
    ],
  };
}

function clock(seconds: number): string {
  return new Date(seconds * 1000).toLocaleTimeString([], {
    hour: '2-digit',
    minute: '2-digit',
    hour12: false,
  });
}
