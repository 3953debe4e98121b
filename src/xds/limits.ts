// Bounds of an ADS stream on both sides. What crosses one ends the stream or waits, as is said at each.

/** Names that one client may subscribe to for one type; more ends the stream. */
export const subscribedNamesMax = 100_000;
/** Types of resources on one stream; more ends it. */
export const typesPerStreamMax = 64;
/** Streams of one server; more are refused. */
export const streamsMax = 20_000;
/** Bytes of resources in one response where it can be split (delta, and partial SotW types); a larger resource travels alone. gRPC clients take 4 MiB. */
export const responseBytesMax = 1024 * 1024;
/** Bytes of one message that either side takes in. */
export const messageBytesMax = 64 * 1024 * 1024;
/** A response without ACK or NACK holds later ones (of its type, and of types ordered after it) back this long. */
export const ackWaitMs = 5_000;
/** Listeners and routes wait this long for the endpoints of clusters that were just sent to be asked for; removals, for a new stream to state all its types. */
export const warmingWaitMs = 2_000;
/** A named resource that did not come this long after it was asked for does not exist (xDS protocol, "Knowing when a requested resource does not exist"). */
export const resourceWaitMs = 15_000;
/** First reconnect delay, before jitter; doubles up to the maximum. */
export const reconnectBaseMs = 250;
export const reconnectMaxMs = 15_000;
/** Delta ACKs kept while the transport is full; the oldest go first. A server sees a missing ACK as slowness, nothing more. */
export const acksQueuedMax = 64;
/** Responses of one type without an answer whose content is remembered; of older ones a late NACK says nothing any more. */
export const unansweredMax = 4;
/** Refused resources (and virtual hosts) that one stream tells of; more are held back all the same. */
export const refusalsToldMax = 256;
/** Characters of a NACK's text. */
export const nackTextMax = 4_096;
