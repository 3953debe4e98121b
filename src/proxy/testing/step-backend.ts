// A server that does what each request tells it to: x-steps says what becomes of one attempt after the other, x-id
// which request it is an attempt of.

/** What becomes of one attempt; the last one again for all that follow. */
export interface Step {
  readonly status?: number;
  readonly fields?: Readonly<Record<string, string>>;
  readonly delayMs?: number;
  /** Between head and body. */
  readonly bodyDelayMs?: number;
}

export interface SeenAttempt {
  readonly method: string;
  /** Path with query. */
  readonly path: string;
  readonly fields: Readonly<Record<string, string>>;
  readonly body: string;
}

export class StepBackend {
  readonly port: number;
  private readonly server: Bun.Server<undefined>;
  private readonly seen = new Map<string, SeenAttempt[]>();

  constructor() {
    this.server = Bun.serve({
      hostname: '127.0.0.1',
      port: 0,
      idleTimeout: 30,
      fetch: (request) => this.respond(request),
    });
    this.port = this.server.port ?? 0;
  }

  attempts(id: string): readonly SeenAttempt[] {
    return this.seen.get(id) ?? [];
  }

  async stop(): Promise<void> {
    await this.server.stop(true);
  }

  private async respond(request: Request): Promise<Response> {
    const id = request.headers.get('x-id') ?? '';
    const attempts = this.seen.get(id) ?? [];
    this.seen.set(id, attempts);
    const attempt = attempts.length + 1;
    const { pathname, search } = new URL(request.url);
    const seen = {
      method: request.method,
      path: pathname + search,
      fields: Object.fromEntries(request.headers),
      body: '',
    };
    attempts.push(seen);
    seen.body = await request.text();
    const steps = JSON.parse(request.headers.get('x-steps') ?? '[]') as readonly Step[];
    const step = steps[attempt - 1] ?? steps.at(-1) ?? {};
    if (step.delayMs !== undefined) await Bun.sleep(step.delayMs);
    return answer(step, attempt);
  }
}

function answer({ bodyDelayMs = 0, fields = {}, status = 200 }: Step, attempt: number): Response {
  if (bodyDelayMs === 0)
    return new Response(status === 204 ? null : `attempt ${attempt}`, { status, headers: fields });
  const body = new ReadableStream({
    async start(controller) {
      controller.enqueue(new TextEncoder().encode('begun'));
      await Bun.sleep(bodyDelayMs);
      controller.close();
    },
  });
  return new Response(body, { status, headers: fields });
}
