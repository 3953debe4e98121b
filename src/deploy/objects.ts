// The little that this layer needs to know of Kubernetes' objects. Everything else in them passes through as it is.

export interface ContainerObject {
  readonly name: string;
  readonly ports?: readonly {
    readonly name?: string;
    readonly containerPort: number;
    readonly protocol?: string;
  }[];
  readonly securityContext?: { readonly runAsUser?: number; readonly [field: string]: unknown };
  readonly [field: string]: unknown;
}

export interface PodSpecObject {
  readonly serviceAccountName?: string;
  readonly serviceAccount?: string;
  readonly containers: readonly ContainerObject[];
  readonly initContainers?: readonly ContainerObject[];
  readonly volumes?: readonly { readonly name: string; readonly [field: string]: unknown }[];
  readonly hostNetwork?: boolean;
  readonly os?: { readonly name?: string };
  readonly securityContext?: { readonly runAsUser?: number };
  readonly [field: string]: unknown;
}

export interface PodObject {
  readonly metadata?: {
    readonly name?: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly [field: string]: unknown;
  };
  readonly spec: PodSpecObject;
  readonly [field: string]: unknown;
}
