// Between the control plane and the threads: an update is taken in by the first thread, whose word on it counts; what
// it accepts goes on to the others as it came, and is answered when all have it in force.

import type { Issue, MeshError } from '../../base/index.ts';
import type { XdsSubscriber, XdsUpdate } from '../../xds/index.ts';
import type { ConfigSource, SourceSubscriber } from '../config/index.ts';
import { distinct, type Fleet } from './fleet.ts';

export class Relay implements XdsSubscriber {
  private readonly own: SourceSubscriber;
  private readonly config: () => ConfigSource;
  private readonly fleet: Fleet;

  /** `config`: the source makes its clients before it is made itself. */
  constructor(own: SourceSubscriber, config: () => ConfigSource, fleet: Fleet) {
    this.own = own;
    this.config = config;
    this.fleet = fleet;
  }

  async onUpdate(update: XdsUpdate): Promise<readonly Issue[]> {
    const issues = this.own.onUpdate(update);
    const accepted = this.config().tables.get(update.typeUrl)?.accepted;
    const changed = update.changed.filter((resource) => accepted?.get(resource.name)?.resource === resource);
    if (changed.length === 0 && update.removed.length === 0) return issues;
    const wanted = this.config().wantedOf(update.typeUrl, changed);
    return distinct([...issues, ...(await this.fleet.apply({ ...update, changed }, wanted))]);
  }

  onConnection(connected: boolean, error: MeshError | null): void {
    this.own.onConnection(connected, error);
    this.fleet.tell({ kind: 'connection', connected: this.config().connected });
  }
}
