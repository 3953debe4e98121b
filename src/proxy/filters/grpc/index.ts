export { GrpcStatsFilter } from './grpc-stats.ts';
export { GrpcWebFilter } from './grpc-web.ts';
