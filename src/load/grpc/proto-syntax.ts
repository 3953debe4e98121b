// The shape in which protobufjs hands over a parsed .proto file (its `toJSON`): what we read of it. The rest, comments
// and options of other tools, says nothing about bytes.

export interface ProtoField {
  readonly type: string;
  readonly id: number;
  readonly rule?: 'repeated' | 'required';
  /** Of a map. */
  readonly keyType?: string;
  readonly jsonName?: string;
  /** The message that an extension belongs to. */
  readonly extend?: string;
  readonly options?: Readonly<Record<string, unknown>>;
}

export interface ProtoMethod {
  readonly requestType: string;
  readonly responseType: string;
  readonly requestStream?: boolean;
  readonly responseStream?: boolean;
}

/** A package, message, enum, service or extension, told apart by what it has. */
export interface ProtoNode {
  readonly nested?: Readonly<Record<string, ProtoNode>>;
  readonly options?: Readonly<Record<string, unknown>>;
  readonly fields?: Readonly<Record<string, ProtoField>>;
  readonly oneofs?: Readonly<Record<string, { readonly oneof: readonly string[] }>>;
  readonly extensions?: readonly (readonly [number, number])[];
  readonly group?: boolean;
  readonly values?: Readonly<Record<string, number>>;
  readonly methods?: Readonly<Record<string, ProtoMethod>>;
  readonly extend?: string;
  /** Of what stands at the top; absent: proto3. */
  readonly edition?: string;
}

export interface ProtoFile {
  /** As others import it. */
  readonly name: string;
  readonly syntax: 'proto2' | 'proto3' | 'editions';
  /** `2023` and the like; '' without one. */
  readonly edition: string;
  readonly package: string;
  readonly imports: readonly string[];
  /** Of the file's package. */
  readonly root: ProtoNode;
}
