// May the caller install the mesh? It needs to apply every object of an installation, and to hold what the roles in it
// give away (the API server lets nobody grant more than they have, unless they may `escalate`).

import { fieldOf, isRecord, type KubeObject, textOf } from '../../../control/index.ts';
import { createInstallation } from '../../install.ts';
import { cniFolders } from '../../install-cni.ts';
import { pathOfObject } from '../object-paths.ts';
import { type ClusterCheck, type ClusterReader, fault, fine, listNames, unknown } from './types.ts';

interface Right {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  /** Empty: of the whole cluster. */
  readonly namespace: string;
}

export const rightsCheck: ClusterCheck = {
  name: 'rights',
  async run(reader, { namespace, revision, agents, cni }) {
    const all = await mayDo(reader, { verb: '*', group: '*', resource: '*', namespace: '' });
    if (all === true) return [fine('everything is allowed')];
    const pem = '-----BEGIN';
    const objects = createInstallation({
      image: 'any',
      namespace,
      revision,
      replicas: 2,
      agents,
      cni: cni ? cniFolders : null,
      monitors: false,
      webhook: { cert: pem, key: pem, ca: pem },
    });
    const escalates = await mayDo(reader, {
      verb: 'escalate',
      group: 'rbac.authorization.k8s.io',
      resource: 'clusterroles',
      namespace: '',
    });
    const rights = [
      ...objects.flatMap(rightsToApply),
      ...(escalates === true ? [] : objects.flatMap(rightsGiven)),
    ];
    const lacking: string[] = [];
    for (const right of uniqueRights(rights)) {
      const may = await mayDo(reader, right);
      if (typeof may === 'string') return [unknown(`what is allowed cannot be asked: ${may}`)];
      if (!may) lacking.push(describe(right));
    }
    if (lacking.length === 0) return [fine('all that an installation needs is allowed')];
    return [fault(`not allowed: ${listNames(lacking)}`)];
  },
};

function rightsToApply(object: KubeObject): readonly Right[] {
  const path = pathOfObject(object);
  const resource = path.split('/').at(-2) ?? '';
  const version = textOf(object, 'apiVersion');
  const group = version.includes('/') ? version.slice(0, version.indexOf('/')) : '';
  const namespace = textOf(object, 'metadata', 'namespace');
  return ['create', 'patch'].map((verb) => ({ verb, group, resource, namespace }));
}

function rightsGiven(object: KubeObject): readonly Right[] {
  const namespace = textOf(object, 'metadata', 'namespace');
  return listOf(fieldOf(object, 'rules')).flatMap((rule) =>
    textsOf(rule, 'apiGroups').flatMap((group) =>
      textsOf(rule, 'resources').flatMap((resource) =>
        textsOf(rule, 'verbs').map((verb) => ({ verb, group, resource, namespace })),
      ),
    ),
  );
}

function listOf(value: unknown): readonly KubeObject[] {
  return Array.isArray(value) ? value.filter(isRecord) : [];
}

function textsOf(object: KubeObject, name: string): readonly string[] {
  const value = object[name];
  return Array.isArray(value) ? value.filter((text) => typeof text === 'string') : [];
}

function uniqueRights(rights: readonly Right[]): readonly Right[] {
  return [...new Map(rights.map((right) => [describe(right), right])).values()];
}

function describe({ verb, group, resource, namespace }: Right): string {
  const name = group === '' ? resource : `${resource}.${group}`;
  return `${verb} ${name}${namespace === '' ? '' : ` in ${namespace}`}`;
}

/** A text: why that is not known. */
async function mayDo({ api }: ClusterReader, right: Right): Promise<boolean | string> {
  const { verb, group, namespace } = right;
  const [resource = '', subresource] = right.resource.split('/');
  const answer = await api.request({
    method: 'POST',
    path: '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
    body: {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SelfSubjectAccessReview',
      spec: {
        resourceAttributes: {
          ...{ verb, group, resource },
          ...(subresource === undefined ? {} : { subresource }),
          ...(namespace === '' ? {} : { namespace }),
        },
      },
    },
  });
  if (!answer.ok) return answer.error.message;
  const { status, body } = answer.value;
  if (status !== 201) return `${status} ${textOf(body, 'message')}`;
  return fieldOf(body, 'status', 'allowed') === true;
}
