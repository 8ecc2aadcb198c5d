/* SPDX-License-Identifier: Apache-2.0 */
/* From a policy of the project to its hooks. */
#include "config.h"

#include "policy/policy.h"

const struct policy *policy_of(const struct policy_use *use)
{
	static const struct policy no_hooks;

	/* the types of src/idp are not rows of ours: the OAuth policy acts before the chain */
	if (use->type && use->type->class == POLICY_OAUTH)
		return &no_hooks;
	for (size_t i = 0; policy_table[i]; i++)
		if (&policy_table[i]->type == use->type)
			return policy_table[i];
	return &no_hooks;
}
