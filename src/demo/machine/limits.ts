// Limits of the demo's supervisor, each with its reason.

/** How long a child may take to end after SIGTERM before it is killed; longer than a proxy's drain. */
export const stopGraceMs = 4000;

/**
 * A child that died is started again after this long, then twice as long, up to the maximum: a kubelet's way, faster.
 */
export const restartBackoffMs = { first: 250, max: 10_000 } as const;

/** A child that lived this long has its backoff forgotten. */
export const restartForgiveMs = 10_000;

/**
 * First port tried. Below the ephemeral ranges of Linux (32768) and macOS (49152), so that no outgoing connection can
 * take a port that waits for its owner to restart.
 */
export const portRange = { first: 20_000, last: 31_999 } as const;

/** One readiness probe, as a kubelet's timeoutSeconds: 1. */
export const probeTimeoutMs = 1000;
/** Between probes: fast until the replica is ready for the first time. */
export const probeIntervalMs = { starting: 100, running: 1000 } as const;
/** Failed probes in a row that make a ready replica unready. */
export const probeFailuresMax = 3;

/** A replica that is not ready after this long has failed to start. */
export const startTimeoutMs = 60_000;

/** Between "terminating" in the EndpointSlice and SIGTERM to the application: what a preStop sleep is for. */
export const preStopMs = 500;

/** Bytes of a control request's body. */
export const controlBodyBytesMax = 4096;
