// Bounds of the protobuf wire format as xds/ reads it.

/** A google.protobuf.Struct nested deeper is refused. */
export const structDepthMax = 64;
/** Bytes a writer starts with; it doubles as needed. */
export const writerBytesInitial = 256;
