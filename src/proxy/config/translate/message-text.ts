// Texts of the configuration that are written into messages, judged by the rules that the control plane judges by too;
// here what breaks one is a fault of its field, found before anything is put into force.

import {
  authorityFault,
  fieldValueFault,
  locationPathFault,
  requestPathFault,
  schemeFault,
} from '../../../policy/index.ts';
import type { Faults } from '../schema/index.ts';

type Check = (value: string, path: string, faults: Faults) => void;

function checkBy(judge: (value: string) => string | null): Check {
  return (value, path, faults) => {
    const rule = judge(value);
    if (rule !== null) faults.add(path, rule, value);
  };
}

export const checkFieldValue: Check = checkBy(fieldValueFault);
export const checkRequestPath: Check = checkBy(requestPathFault);
export const checkLocationPath: Check = checkBy(locationPathFault);
export const checkAuthority: Check = checkBy(authorityFault);
export const checkScheme: Check = checkBy(schemeFault);
