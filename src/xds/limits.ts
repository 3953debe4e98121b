// Bounds of an ADS stream on both sides. What crosses one ends the stream or waits, as is said at each.

/**
 * Names that one client may subscribe to for one type, and names in one field of a request (those it repeats, gives up
 * or already holds included); more ends the stream.
 */
export const subscribedNamesMax = 100_000;
/** Characters of a resource's name, a type, a version or a nonce in a request; more ends the stream. */
export const nameLengthMax = 1_024;
/** Streams of one server; where all places are taken, the peer with the most streams gives one up. */
export const streamsMax = 20_000;
/** Streams of one peer's address; more are refused. */
export const streamsPerPeerMax = 5_000;
/**
 * Streams of one subject (a Pod) where callers are proven: what it says of itself may give each a picture of its own.
 * An Envoy that asks each service by itself has six, and twice as many while it changes connections. More are refused.
 */
export const streamsPerSubjectMax = 16;
/** Streams that have sent no request yet; the oldest of the peer with most of them is ended for a new one. */
export const silentStreamsMax = 1_024;
/**
 * Connections on which nobody has proven who he is (where that is asked for: in the handshake of TLS, without a token,
 * with one that is being judged), or that have sent no request yet; the oldest of the peer with most of them is cut for
 * a new one.
 */
export const unprovenConnectionsMax = 1_024;
/** Calls on such a connection; more are refused. */
export const unprovenCallsMax = 8;
/** Connections of one server, and of one peer's address; more are reset. */
export const connectionsMax = 20_000;
export const connectionsPerPeerMax = 5_000;
/** Bytes of requests that have not come whole, of all streams of one peer; the stream that crosses it is ended. */
export const partialBytesPerPeerMax = 64 * 1024 * 1024;
/** A stream's first request must come within this time, and who calls be proven on a connection, or it is ended. */
export const firstRequestWaitMs = 10_000;
/** Bytes of one request that a server takes in; more ends the stream. */
export const requestBytesMax = 8 * 1024 * 1024;
/**
 * The same of the services beside discovery (health, reflection, client status), which nobody has to prove anything
 * for, as it travels and once it is decompressed; more ends the call.
 */
export const serviceRequestBytesMax = 4 * 1024;
/** Bytes of a node's metadata; more ends the stream. */
export const nodeMetadataBytesMax = 64 * 1024;
/**
 * Characters of a node's id, cluster, locality and the like; more ends the stream. Client features beyond their maximum
 * are passed over.
 */
export const nodeTextMax = 1_024;
export const clientFeaturesMax = 64;
/**
 * Bytes of nodes and names that the streams of one peer make the server remember; the stream that crosses it is ended.
 */
export const peerBytesMax = 256 * 1024 * 1024;
/** Resources whose time to live one response renews; more wait for its answer. */
export const heartbeatsAtOnceMax = 5_000;
/** Clients that are sent a first picture at once; others wait for their turn. */
export const picturesAtOnceMax = 32;
/** More names than this in one response are a picture. */
export const pictureNamesMin = 64;
/**
 * A client that does not answer a picture gives its place to another after this, and gets no more of them until it
 * answers.
 */
export const pictureWaitMs = 1_000;
/** The same where the client takes nothing at all of what waits for it. */
export const pictureStallMs = 200;
/** The server works this long at a stretch. */
export const workSliceMs = 5;
/**
 * Bytes of resources in one response where it can be split (delta, and partial SotW types); a larger resource travels
 * alone. gRPC clients take 4 MiB.
 */
export const responseBytesMax = 1024 * 1024;
/** Bytes of one message that either side takes in. */
export const messageBytesMax = 64 * 1024 * 1024;
/** A response without ACK or NACK holds later ones (of its type, and of types ordered after it) back this long. */
export const ackWaitMs = 5_000;
/**
 * Listeners and routes wait this long for the endpoints of clusters that were just sent to be asked for; removals, for
 * a new stream to state all its types.
 */
export const warmingWaitMs = 2_000;
/**
 * A named resource that did not come this long after it was asked for does not exist (xDS protocol, "Knowing when a
 * requested resource does not exist").
 */
export const resourceWaitMs = 15_000;
/** First reconnect delay, before jitter; doubles up to the maximum. */
export const reconnectBaseMs = 250;
export const reconnectMaxMs = 15_000;
/**
 * Delta ACKs kept while the transport is full; the oldest go first. A server sees a missing ACK as slowness, nothing
 * more.
 */
export const acksQueuedMax = 64;
/** Responses that wait until a proxy's threads have taken an earlier one in; more ends the stream. */
export const responsesQueuedMax = 256;
/**
 * Responses of one type without an answer whose content is remembered; of older ones a late NACK says nothing any more.
 */
export const unansweredMax = 4;
/** Refused resources (and virtual hosts) that one stream tells of; more are held back all the same. */
export const refusalsToldMax = 256;
/** Bytes that are read of a NACK's text. */
export const nackTextMax = 4_096;
/** A stream's refusals of one type are logged once in this time. */
export const nackLogMs = 1_000;
/**
 * Answers to who asks for types that do not exist, and characters in them, that wait until the client takes what was
 * sent before; more ends the stream.
 */
export const apartPendingMax = 64;
export const apartPendingCharsMax = 64 * 1024;
/** Calls that watch the server's health; more are refused. */
export const healthWatchesMax = 1_024;
/** Questions to the reflection that wait for their answers to be read, and their bytes; more ends the call. */
export const reflectionPendingMax = 64;
export const reflectionPendingBytesMax = 8 * 1024;
/** Bytes of one answer of the client status service; a larger one is refused, and must be asked for in parts. */
export const clientStatusBytesMax = 16 * 1024 * 1024;
/** Questions to it that wait for their answers to be read; more ends the call. */
export const clientStatusPendingMax = 16;
/** Streams that report load, in all and of one peer's address; more are refused. */
export const loadStreamsMax = 20_000;
export const loadStreamsPerPeerMax = 5_000;
/** How often clients are asked to report. */
export const loadIntervalMs = 10_000;
/** Bytes of one load report, and clusters and localities in it together; more ends the stream. */
export const loadReportBytesMax = 4 * 1024 * 1024;
export const loadEntriesMax = 50_000;
/** Clusters whose load is counted, of those that the mesh knows; of more nothing is kept. */
export const loadClustersMax = 20_000;
/** Localities of one cluster that are counted apart; the rest is counted together. */
export const loadLocalitiesMax = 32;
/**
 * PINGs that come sooner after one another than this, without anything sent to the client between them, count; the
 * third of them ends the connection with `too_many_pings`, and clients of gRPC double their interval. None of them goes
 * below 10 s.
 */
export const pingGapMs = 5_000;
