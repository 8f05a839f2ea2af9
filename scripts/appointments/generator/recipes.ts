/** One recipe for each of the 85 tables. */
import type { Recipes } from './recipe.js'
import { billingRecipes } from './tables/billing.js'
import { bookingRecipes } from './tables/bookings.js'
import { branchRecipes } from './tables/branches.js'
import { callRecipes } from './tables/calls.js'
import { companyRecipes } from './tables/companies.js'
import { eventTypeRecipes } from './tables/event-types.js'
import { logRecipes } from './tables/logs.js'
import { peopleRecipes } from './tables/people.js'
import { retiredRecipes } from './tables/retired.js'
import { webhookRecipes } from './tables/webhooks.js'

export const recipes: Recipes = {
  ...companyRecipes,
  ...branchRecipes,
  ...peopleRecipes,
  ...eventTypeRecipes,
  ...bookingRecipes,
  ...callRecipes,
  ...webhookRecipes,
  ...logRecipes,
  ...billingRecipes,
  ...retiredRecipes,
}
