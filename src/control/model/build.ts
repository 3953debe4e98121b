// Builds the whole model from the objects in force, and the book of what was wrong with them. Pure: the same objects
// give the same model, in whatever order they came.

import { Access } from './access.ts';
import { closeUnproven } from './backend-identity.ts';
import { BackendTls } from './backend-tls.ts';
import type { CatalogEntry } from './catalog.ts';
import { CertificateStore } from './certificates.ts';
import { judgeMeshes } from './controllers.ts';
import { listExternalPorts, readExternalBackends, tellExternalBackends } from './external-backends.ts';
import { GatewayBuilder } from './gateways.ts';
import { Grants } from './grants.ts';
import { compareAge, ResourceIndex } from './index-resources.ts';
import { resolvePolicies } from './policies.ts';
import { attachRoutes } from './routes.ts';
import { buildServices, carriedPorts, findGrpcPorts, indexServices } from './services.ts';
import { ConditionBook } from './status.ts';
import { attachStreamRoutes } from './stream-routes.ts';
import type { Model } from './types.ts';

export interface BuiltModel {
  readonly model: Model;
  readonly book: ConditionBook;
}

export function buildModel(entries: readonly CatalogEntry[]): BuiltModel {
  const index = new ResourceIndex(entries);
  const book = new ConditionBook();
  const services = indexServices(index);
  const grpc = index.byAge('GRPCRoute');
  const carried = carriedPorts(services, findGrpcPorts(grpc), book);
  const policies = resolvePolicies(index, services, book);
  const grants = new Grants(index.all('ReferenceGrant'));
  const certificates = new CertificateStore(index, grants);
  const tls = new BackendTls(index, services, certificates, book);
  const access = new Access(index, services, book);
  const models = buildServices({ index, services, carried, policies, access, tls, book });
  const gateways = new GatewayBuilder(index, certificates, book);
  const routes = [...index.byAge('HTTPRoute'), ...grpc].sort(compareAge);
  const external = readExternalBackends(index, certificates);
  const directory = { services, external, grants, ports: carried, tls, keys: true };
  attachRoutes({ routes, directory, book }, models, gateways);
  const streams = [...index.byAge('TLSRoute'), ...index.byAge('TCPRoute')];
  attachStreamRoutes({ routes: streams, udp: index.all('UDPRoute'), directory, book }, gateways);
  const built = gateways.build();
  tls.tell(built, book);
  tellExternalBackends(external, built, models, book);
  judgeMeshes(index, book);
  const model = {
    services: models,
    gateways: closeUnproven(built, gateways.unproven, models),
    backends: listExternalPorts(external),
  };
  return { model, book };
}
