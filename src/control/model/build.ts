// Builds the whole model from the objects in force, and the book of what was wrong with them. Pure: the same objects
// give the same model, in whatever order they came.

import type { CatalogEntry } from './catalog.ts';
import { GatewayBuilder } from './gateways.ts';
import { Grants } from './grants.ts';
import { compareAge, ResourceIndex } from './index-resources.ts';
import { resolvePolicies } from './policies.ts';
import { attachRoutes } from './routes.ts';
import { buildServices, carriedPorts, findGrpcPorts, indexServices } from './services.ts';
import { ConditionBook } from './status.ts';
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
  const models = buildServices(index, services, carried, policies, book);
  const gateways = new GatewayBuilder(index, book);
  const routes = [...index.byAge('HTTPRoute'), ...grpc].sort(compareAge);
  const grants = new Grants(index.all('ReferenceGrant'));
  attachRoutes({ routes, directory: { services, grants, ports: carried }, book }, models, gateways);
  return { model: { services: models, gateways: gateways.build() }, book };
}
