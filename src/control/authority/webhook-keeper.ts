// Keeps the webhook's certificate in its Secret, and `caBundle` of its configuration true to it, where the
// configuration says that it is ours to keep. One replica of a revision does, with the authority that all share.

import {
  type Clock,
  type Log,
  type MeshError,
  type Result,
  Timer,
  type TimerHandler,
} from '../../base/index.ts';
import {
  fieldOf,
  isRecord,
  type KubeAnswer,
  type KubeApi,
  type KubeObject,
  textOf,
} from '../kubernetes/types.ts';
import { checkPair } from './certificates.ts';
import { authorityLimits } from './limits.ts';
import type { Authority } from './plan.ts';
import { pairOf, writeTlsSecret } from './secret.ts';
import { planWebhook, type WebhookTrust } from './webhook-plan.ts';

export interface WebhookKeeperOptions {
  readonly api: KubeApi;
  readonly clock: Clock;
  readonly log: Log;
  /** Of the control plane, and of the webhook. */
  readonly namespace: string;
  /** Of the webhook's Service and Secret. */
  readonly name: string;
  /** Of its MutatingWebhookConfiguration. */
  readonly configuration: string;
  /** Null: it has not been read yet. */
  authority(): Authority | null;
}

const annotation = 'weft.dev/certificate';
/** Of a configuration whose certificate is ours to keep. */
export const keptCertificate = { [annotation]: 'kept' } as const;

export class WebhookKeeper implements TimerHandler {
  private readonly options: WebhookKeeperOptions;
  private readonly timer = new Timer(this, 0);
  private readonly hookPath: string;
  private readonly secretsPath: string;
  private leading = false;
  private running = false;
  /** Something changed while a turn ran. */
  private dirty = false;
  /** What went wrong last, so that it is said once. */
  private told = '';

  constructor(options: WebhookKeeperOptions) {
    const { configuration, namespace } = options;
    this.options = options;
    this.hookPath = `/apis/admissionregistration.k8s.io/v1/mutatingwebhookconfigurations/${configuration}`;
    this.secretsPath = `/api/v1/namespaces/${encodeURIComponent(namespace)}/secrets`;
  }

  lead(leading: boolean): void {
    this.leading = leading;
    if (leading) this.authorityChanged();
    else this.options.clock.cancel(this.timer);
  }

  /** Objects of the mesh do not bear on it. */
  poke(): void {}

  /** There is another authority than before. */
  authorityChanged(): void {
    if (this.running) this.dirty = true;
    else if (this.leading) void this.run();
  }

  stop(): void {
    this.lead(false);
  }

  onTimer(): void {
    this.authorityChanged();
  }

  private async run(): Promise<void> {
    this.running = true;
    this.dirty = false;
    const fault = await this.turn();
    this.running = false;
    if (fault !== this.told && fault !== '')
      this.options.log.write('warn', 'the webhook has no certificate of ours', { reason: fault });
    this.told = fault;
    const soon = fault !== '' || this.dirty;
    if (this.leading)
      this.options.clock.arm(this.timer, soon ? authorityLimits.retryMs : authorityLimits.readMs);
  }

  /** Why it is not as it should be; '': it is, or is not ours to keep. */
  private async turn(): Promise<string> {
    const { clock, name, namespace } = this.options;
    const authority = this.options.authority();
    if (authority === null) return 'there is no authority yet';
    const hook = await this.get(this.hookPath);
    if (!hook.ok) return hook.error.message;
    if (hook.value.status === 404 || !isKeptWebhook(hook.value.body)) return '';
    const secret = await this.get(`${this.secretsPath}/${name}`);
    if (!secret.ok) return secret.error.message;
    for (const { status, body } of [hook.value, secret.value])
      if (status !== 200 && status !== 404) return `${status} ${textOf(body, 'message')}`;
    const pair = pairOf(secret.value.body, 'tls');
    const held = { pair: checkPair(pair) === null ? null : pair, bundle: bundleOf(hook.value.body) };
    const wanted = planWebhook(held, authority, `${name}.${namespace}.svc`, clock.wall());
    const fault = await this.trust(hook.value.body, held, wanted);
    return fault === '' ? await this.show(secret.value, held, wanted) : fault;
  }

  private get(path: string): Promise<Result<KubeAnswer, MeshError>> {
    return this.options.api.request({ method: 'GET', path });
  }

  private async trust(hook: KubeObject, held: WebhookTrust, { bundle }: WebhookTrust): Promise<string> {
    if (isTrustedBy(hook, bundle)) return '';
    const fault = await this.write('PUT', this.hookPath, withBundle(hook, bundle));
    if (fault !== '') return `its configuration was not written: ${fault}`;
    this.options.log.write('info', 'the API server trusts the webhook by', {
      certificates: bundle.split('-----BEGIN').length - 1,
      before: held.bundle.split('-----BEGIN').length - 1,
    });
    return '';
  }

  private async show(secret: KubeAnswer, held: WebhookTrust, { pair }: WebhookTrust): Promise<string> {
    const { namespace, name, log } = this.options;
    if (pair === null || pair === held.pair) return '';
    const isNew = secret.status === 404;
    const version = isNew ? '' : textOf(secret.body, 'metadata', 'resourceVersion');
    const texts = { 'tls.crt': pair.certificate, 'tls.key': pair.key };
    const body = writeTlsSecret(name, namespace, texts, version);
    const fault = isNew
      ? await this.write('POST', this.secretsPath, body)
      : await this.write('PUT', `${this.secretsPath}/${name}`, body);
    if (fault !== '') return `the Secret ${name} was not written: ${fault}`;
    log.write('info', 'made a certificate for the webhook', { secret: name });
    return '';
  }

  private async write(method: 'POST' | 'PUT', path: string, body: KubeObject): Promise<string> {
    const answer = await this.options.api.request({ method, path, body });
    if (!answer.ok) return answer.error.message;
    const { status, body: said } = answer.value;
    return status === 200 || status === 201 ? '' : `${status} ${textOf(said, 'message')}`;
  }
}

/** Whether the certificate of this configuration's webhook is ours to keep. */
export function isKeptWebhook(hook: KubeObject): boolean {
  return textOf(hook, 'metadata', 'annotations', annotation) === keptCertificate[annotation];
}

function webhooksOf(hook: KubeObject): readonly KubeObject[] {
  const webhooks = fieldOf(hook, 'webhooks');
  return Array.isArray(webhooks) ? webhooks.filter(isRecord) : [];
}

/** PEM, of the first: all have the same. */
function bundleOf(hook: KubeObject): string {
  const [first] = webhooksOf(hook);
  return Buffer.from(textOf(first ?? {}, 'clientConfig', 'caBundle'), 'base64').toString('latin1');
}

function isTrustedBy(hook: KubeObject, bundle: string): boolean {
  const encoded = Buffer.from(bundle).toString('base64');
  return webhooksOf(hook).every((one) => textOf(one, 'clientConfig', 'caBundle') === encoded);
}

/** Nothing else in it changes. */
function withBundle(hook: KubeObject, bundle: string): KubeObject {
  const caBundle = Buffer.from(bundle).toString('base64');
  const webhooks = webhooksOf(hook).map((one) => ({
    ...one,
    clientConfig: { ...(fieldOf(one, 'clientConfig') as KubeObject), caBundle },
  }));
  return { ...hook, webhooks };
}
