export { Collector, type CollectorOptions } from './collector.ts';
export { type MeshPage, readMeshPage } from './control-api.ts';
export type { Mesh, MeshProxy } from './mesh.ts';
export { parsePrometheus } from './prometheus.ts';
export { type ConsoleHandler, type ConsoleOptions, createConsole } from './serve.ts';
export { quantile, readTraffic, subtractTraffic, type Traffic } from './traffic.ts';
export type { DemoView, IssueView } from './view.ts';
