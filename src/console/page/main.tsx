// The console's page: asks for the state every two seconds and shows it. All that it knows comes from /console/state.

import { render } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { ConsoleState } from '../view.ts';
import { Chart } from './chart.tsx';
import { Demo } from './demo.tsx';
import { milliseconds, rate, share } from './format.ts';
import { Graph } from './graph.tsx';
import { Endpoints, Issues, Proxies, Services } from './tables.tsx';

const intervalMs = 2000;
/** Points that the charts keep: five minutes. */
const historyMax = 150;

interface Loaded {
  readonly state: ConsoleState | null;
  readonly history: readonly ConsoleState[];
  readonly error: string | null;
}

async function fetchState(): Promise<ConsoleState> {
  const response = await fetch('/console/state', { signal: AbortSignal.timeout(intervalMs * 3) });
  if (!response.ok) throw new Error(`the control plane answered ${response.status}`);
  return await response.json();
}

function useMesh(): Loaded {
  const [loaded, setLoaded] = useState<Loaded>({ state: null, history: [], error: null });
  useEffect(() => {
    let ended = false;
    const poll = async (): Promise<void> => {
      try {
        const state = await fetchState();
        setLoaded(({ history }) => ({ state, history: [...history, state].slice(-historyMax), error: null }));
      } catch (error) {
        setLoaded((before) => ({ ...before, error: String(error) }));
      }
      if (!ended) setTimeout(() => void poll(), intervalMs);
    };
    void poll();
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
        <h2>Who calls whom</h2>
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
  const synced = state.proxies.filter((proxy) => proxy.connected && proxy.nack === null).length;
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
      <Tile name="configuration" value={state.version.slice(0, 8)} />
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

function Charts({
  history,
  selected,
}: {
  readonly history: readonly ConsoleState[];
  readonly selected: string | null;
}) {
  const golden = history.map(
    (state) => state.services.find((service) => service.name === selected)?.golden ?? state.golden,
  );
  const times = history.map((state) => state.atMs / 1000);
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
            golden.map((one) => (1 - (one.successShare ?? 1)) * one.requestsPerSecond),
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
