// Parts that are measured by themselves, by name.

type Part = (quick: boolean) => Promise<void>;

export const parts: Readonly<Record<string, Part>> = {
  /** A request through the whole data path, without a kernel. */
  async exchange(quick) {
    const { benchExchange } = await import('./exchange.ts');
    await benchExchange(quick);
  },
  /** What a change of configuration holds up, and what a Service costs that nobody calls. */
  async configuration(quick) {
    const { benchConfiguration } = await import('./configuration.ts');
    await benchConfiguration(quick);
  },
  /** The HTTP/1 codecs by phase. */
  async http1(quick) {
    const { benchHttp1 } = await import('./http1.ts');
    benchHttp1(quick);
  },
  /** The control plane beside go-control-plane, with clients on grpc-go. */
  async control(quick) {
    const { benchControl } = await import('../control/main.ts');
    await benchControl(
      quick
        ? {
            services: 50,
            streams: 50,
            large: { services: 200, scopes: 20 },
            changes: 2,
            churnSeconds: 2,
            idleSeconds: 2,
          }
        : {
            services: 1_000,
            streams: 1_000,
            large: { services: 10_000, scopes: 300 },
            changes: 5,
            churnSeconds: 300,
            idleSeconds: 30,
          },
    );
  },
  /** Decisions: match, pick, settle, retry. */
  async policy(quick) {
    const { benchPolicy } = await import('./policy.ts');
    benchPolicy(quick);
  },
};
