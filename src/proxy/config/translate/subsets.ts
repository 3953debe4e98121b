// Subsets: of a cluster's own fields or of the extension, which say the same.

import {
  type Criteria,
  mergeCriteria,
  type SubsetConfig,
  type SubsetSelector,
} from '../../../policy/index.ts';
import { type Faults, join, type MessageOf, type metadata, type subset } from '../schema/index.ts';
import { subsetLabels } from './weft-metadata.ts';

type SubsetMessage = Omit<MessageOf<typeof subset>, 'allow_redundant_keys' | 'subset_lb_policy'> &
  Partial<Pick<MessageOf<typeof subset>, 'allow_redundant_keys'>>;
type SelectorMessage = SubsetMessage['subset_selectors'][number];

const fallbacks = { NO_FALLBACK: 'none', ANY_ENDPOINT: 'any', DEFAULT_SUBSET: 'default' } as const;
const selectorFallbacks = { NOT_DEFINED: 'inherit', KEYS_SUBSET: 'keys', ...fallbacks } as const;

/** null: without selectors nothing is divided, whatever else is said. */
export function translateSubsets(message: SubsetMessage, path: string, faults: Faults): SubsetConfig | null {
  const selectors = message.subset_selectors.map((selector, index) =>
    translateSelector(selector, `${join(path, 'subset_selectors')}[${index}]`, faults),
  );
  if (selectors.length === 0) return null;
  const redundantKeys = message.allow_redundant_keys ?? false;
  const distinct = [...distinctKeys(selectors)];
  return {
    // As Envoy has it: the longest that a request's keys hold is the one that it is compared with.
    selectors: redundantKeys
      ? distinct.toSorted((one, other) => other.keys.length - one.keys.length)
      : distinct,
    fallback: fallbacks[message.fallback_policy ?? 'NO_FALLBACK'],
    defaultSubset: message.default_subset ?? {},
    weighsLocalities: message.locality_weight_aware ?? false,
    scalesLocalities: message.scale_locality_weight ?? false,
    panicAny: message.panic_mode_any ?? false,
    listAsAny: message.list_as_any ?? false,
    fallbackList: message.metadata_fallback_policy === 'FALLBACK_LIST',
    redundantKeys,
  };
}

/** What a metadata_match says more closely than `outer`. */
export function translateCriteria(
  match: MessageOf<typeof metadata> | undefined,
  outer: Criteria | null,
): Criteria | null {
  const labels = subsetLabels(match);
  return labels === null ? outer : mergeCriteria(outer, labels);
}

function translateSelector(selector: SelectorMessage, path: string, faults: Faults): SubsetSelector {
  const keys = distinctNames(selector.keys);
  const fallbackKeys = distinctNames(selector.fallback_keys_subset);
  const fallback = selectorFallbacks[selector.fallback_policy ?? 'NOT_DEFINED'];
  const at = join(path, 'fallback_keys_subset');
  if (fallback !== 'keys') {
    if (fallbackKeys.length > 0) faults.add(at, 'needs fallback_policy KEYS_SUBSET');
  } else if (fallbackKeys.length === 0) faults.add(at, 'must not be empty with fallback_policy KEYS_SUBSET');
  else if (!fallbackKeys.every((key) => keys.includes(key)) || fallbackKeys.length === keys.length)
    faults.add(at, 'must be some of the keys, not all', fallbackKeys.join());
  return { keys, singleHost: selector.single_host_per_subset ?? false, fallback, fallbackKeys };
}

/** Of two with the same keys the first holds; one without keys selects nothing. */
function distinctKeys(selectors: readonly SubsetSelector[]): Iterable<SubsetSelector> {
  const byKeys = new Map<string, SubsetSelector>();
  for (const selector of selectors) {
    const key = selector.keys.join('\0');
    if (selector.keys.length > 0 && !byKeys.has(key)) byKeys.set(key, selector);
  }
  return byKeys.values();
}

function distinctNames(names: readonly string[]): readonly string[] {
  return [...new Set(names)].sort();
}
