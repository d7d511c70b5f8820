import { apply } from '../steps.ts'

/** Defines the subsets `version-v1` and `version-v2` of the catalog, to which routes can then refer. */
export const defineSubsets =
  apply('istio/ch2/catalog-destinationrule.yaml', 'Define a subset for each version of the catalog.')
