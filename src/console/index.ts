export { Collector, type CollectorOptions } from './collector.ts';
export { type MeshPage, readMeshPage } from './control-api.ts';
export type { Mesh, MeshProxy } from './mesh.ts';
export { type ConsoleHandler, type ConsoleOptions, createConsole } from './serve.ts';
export type { DemoView, IssueView } from './view.ts';
