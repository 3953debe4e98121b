// The console's page: asks for the state every two seconds and shows it. All that it knows comes from /console/state.

import { render } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { ConsoleState, Golden, HistoryPoint } from '../view.ts';
import { Chart } from './chart.tsx';
import { Demo } from './demo.tsx';
import { milliseconds, nothing, rate, share } from './format.ts';
import { Graph } from './graph.tsx';
import { Endpoints, Issues, Proxies, Services } from './tables.tsx';

const intervalMs = 2000;
/** Points that the charts keep: five minutes. */
const historyMax = 150;
/** Looks further apart than this are not joined by a line: nobody looked between them. */
const gapMs = 10_000;

interface Loaded {
  readonly state: ConsoleState | null;
  readonly history: readonly HistoryPoint[];
  readonly error: string | null;
}

async function fetchJson<T>(path: string): Promise<T> {
  const response = await fetch(path, { signal: AbortSignal.timeout(intervalMs * 3) });
  if (!response.ok) throw new Error(`the control plane answered ${response.status}`);
  return await response.json();
}

function pointOf({ atMs, golden, services }: ConsoleState): HistoryPoint {
  return { atMs, golden, services: Object.fromEntries(services.map((one) => [one.name, one.golden])) };
}

/** The same look may come twice: the server shares it between pages. */
function append(history: readonly HistoryPoint[], point: HistoryPoint): readonly HistoryPoint[] {
  return [...history.filter(({ atMs }) => atMs < point.atMs), point].slice(-historyMax);
}

function useMesh(): Loaded {
  const [loaded, setLoaded] = useState<Loaded>({ state: null, history: [], error: null });
  useEffect(() => {
    let ended = false;
    const poll = async (): Promise<void> => {
      try {
        const state = await fetchJson<ConsoleState>('/console/state');
        setLoaded(({ history }) => ({ state, history: append(history, pointOf(state)), error: null }));
      } catch (error) {
        setLoaded((before) => ({ ...before, error: String(error) }));
      }
      if (!ended) setTimeout(() => void poll(), intervalMs);
    };
    // What was seen before this page was opened; without it the charts begin now.
    fetchJson<readonly HistoryPoint[]>('/console/history')
      .then((history) => setLoaded((before) => ({ ...before, history })))
      .catch(() => undefined)
      .finally(() => void poll());
    return () => {
      ended = true;
    };
  }, []);
  return loaded;
}

async function sendCommand(words: readonly string[]): Promise<void> {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch('/console/command', {
    method: 'POST',
    headers,
    body: JSON.stringify({ words }),
  });
  if (!response.ok) alert(await response.text());
}

function Page() {
  const { state, history, error } = useMesh();
  const [selected, setSelected] = useState<string | null>(null);
  if (state === null) return <p class="wait">{error ?? 'Asking the mesh …'}</p>;
  const select = (service: string): void => setSelected(service === selected ? null : service);
  const endpoints = state.endpoints.filter((endpoint) => selected === null || endpoint.service === selected);
  return (
    <>
      <Header state={state} error={error} />
      <Charts history={history} selected={selected} />
      <section>
        <h2>Who calls whom, requests a second</h2>
        <Graph state={state} selected={selected} select={select} />
      </section>
      <div class="columns">
        <Services services={state.services} selected={selected} select={select} />
        <Endpoints endpoints={endpoints} />
      </div>
      {state.demo === null ? null : <Demo demo={state.demo} command={(words) => void sendCommand(words)} />}
      <Issues issues={state.issues} />
      <Proxies proxies={state.proxies} />
    </>
  );
}

function Header({ state, error }: { readonly state: ConsoleState; readonly error: string | null }) {
  const synced = state.proxies.filter((proxy) => proxy.sync === 'in sync').length;
  const read = state.proxies.filter((proxy) => proxy.data === 'read').length;
  return (
    <header>
      <h1>Weft</h1>
      <Tile name="requests/s" value={rate(state.golden.requestsPerSecond)} />
      <Tile
        name="success"
        value={share(state.golden.successShare)}
        bad={(state.golden.successShare ?? 1) < 0.999}
      />
      <Tile name="p50" value={milliseconds(state.golden.p50Ms)} />
      <Tile name="p99" value={milliseconds(state.golden.p99Ms)} />
      <Tile name="retries/s" value={rate(state.golden.retriesPerSecond)} />
      <Tile
        name="proxies in sync"
        value={`${synced}/${state.proxies.length}`}
        bad={synced < state.proxies.length}
      />
      <Tile name="proxies read" value={`${read}/${state.proxies.length}`} bad={read < state.proxies.length} />
      <Tile name="configuration" value={state.version === '' ? nothing : state.version.slice(0, 8)} />
      {read === state.proxies.length ? null : (
        <p class="warn">
          The signals lack what {state.proxies.length - read} proxies saw; the table of proxies says why.
        </p>
      )}
      {error === null ? null : <p class="bad">{error}; what you see is old</p>}
    </header>
  );
}

function Tile({
  name,
  value,
  bad = false,
}: {
  readonly name: string;
  readonly value: string;
  readonly bad?: boolean;
}) {
  return (
    <div class={`tile ${bad ? 'bad' : ''}`}>
      <strong>{value}</strong>
      <span>{name}</span>
    </div>
  );
}

const unknown: Golden = {
  requestsPerSecond: null,
  successShare: null,
  p50Ms: null,
  p99Ms: null,
  retriesPerSecond: null,
};

/** A point without values where nobody looked, so that no line is drawn over it. */
function withGaps(history: readonly HistoryPoint[]): readonly HistoryPoint[] {
  return history.flatMap((point, at) => {
    const before = history[at - 1];
    if (before === undefined || point.atMs - before.atMs <= gapMs) return [point];
    return [{ atMs: before.atMs + 1, golden: unknown, services: {} }, point];
  });
}

function failuresOf({ successShare, requestsPerSecond }: Golden): number | null {
  if (requestsPerSecond === null) return null;
  return (1 - (successShare ?? 1)) * requestsPerSecond;
}

function Charts({
  history,
  selected,
}: {
  readonly history: readonly HistoryPoint[];
  readonly selected: string | null;
}) {
  const looks = withGaps(history);
  const golden = looks.map((point) =>
    selected === null ? point.golden : (point.services[selected] ?? unknown),
  );
  const times = looks.map((point) => point.atMs / 1000);
  const line = (label: string, color: string, values: readonly (number | null)[]) => ({
    label,
    color,
    values,
  });
  return (
    <div class="columns charts">
      <Chart
        name="requests"
        unit="1/s"
        times={times}
        lines={[
          line(
            'requests',
            '#3987e5',
            golden.map((one) => one.requestsPerSecond),
          ),
        ]}
      />
      <Chart
        name="latency p50 and p99"
        unit="ms"
        times={times}
        lines={[
          line(
            'p50',
            '#3ba272',
            golden.map((one) => one.p50Ms),
          ),
          line(
            'p99',
            '#d98a2b',
            golden.map((one) => one.p99Ms),
          ),
        ]}
      />
      <Chart
        name="failures and retries"
        unit="1/s"
        times={times}
        lines={[
          line(
            'failures',
            '#d64545',
            golden.map((one) => failuresOf(one)),
          ),
          line(
            'retries',
            '#9a6fd1',
            golden.map((one) => one.retriesPerSecond),
          ),
        ]}
      />
    </div>
  );
}

const root = document.getElementById('page');
if (root !== null) render(<Page />, root);
