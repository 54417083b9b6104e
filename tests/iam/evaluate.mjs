// Holds an IAM policy to cases.json, both ways: what the tool does is allowed, what it must never do is
// denied, and no part of the policy can be loosened or dropped without a case noticing.
//
//     node evaluate.mjs POLICY.json create|purge|all|policy
//
// The simulator decides from the context a case supplies; it cannot prove that EC2 supplies it.

import { readFile } from 'node:fs/promises'
import { runSimulation } from '@cloud-copilot/iam-simulate'

const [policyFile, purpose] = process.argv.slice(2)
// What a purpose is made of. `run` and its like make and purge as well.
const works = { create: ['create'], purge: ['purge'], all: ['create', 'purge'], policy: ['create', 'purge', 'policy'] }[purpose]
const readJson = async (file) => JSON.parse(await readFile(file, 'utf8'))
const policy = await readJson(policyFile)
const { account, resources, cases, equivalent } = await readJson(new URL('cases.json', import.meta.url))

const list = (oneOrMany) => [oneOrMany].flat()
const problems = []

for (const aCase of cases) {
  const allowed = await isAllowed(aCase, policy)
  if (allowed !== isExpected(aCase)) problems.push(`${allowed ? 'ALLOWED' : 'DENIED'}: ${aCase.name}`)
}

// A mutant that means the same as the policy is listed beside the cases, with the reason.
let caught = 0
for (const mutant of problems.length === 0 ? mutants(policy) : []) {
  const noticed = await isNoticed(mutant.policy)
  if (noticed) caught += 1
  if (noticed && mutant.name in equivalent) problems.push(`NOT EQUIVALENT: ${mutant.name}`)
  if (!noticed && !(mutant.name in equivalent)) problems.push(`NO CASE NOTICES: ${mutant.name}`)
}

for (const problem of problems) console.log(problem)
console.log(`${purpose}: ${cases.length} cases, ${caught} mutants caught, ${problems.length} problems`)
process.exitCode = problems.length === 0 ? 0 : 1

function isExpected(aCase) {
  return aCase.expect === 'allow' && aCase.for.some((work) => works.includes(work))
}

async function isNoticed(mutant) {
  for (const aCase of cases) if ((await isAllowed(aCase, mutant)) !== isExpected(aCase)) return true
  return false
}

/** One call to EC2 is authorised on every resource it touches, so a case is allowed if all its calls are. */
async function isAllowed(aCase, policy) {
  const verdicts = await Promise.all(aCase.calls.map((call) => simulate(call, policy)))
  return verdicts.every((verdict) => verdict === 'Allowed')
}

async function simulate({ action, resource, context = {} }, policy) {
  const service = action.split(':')[0]
  const outcome = await runSimulation(
    {
      request: {
        principal: `arn:aws:iam::${account}:user/ami-backup`,
        action,
        resource: { resource: resources[resource] ?? resource, accountId: account },
        contextVariables: { 'aws:PrincipalAccount': account, ...context },
      },
      identityPolicies: [{ name: 'policy', policy }],
      serviceControlPolicies: [],
      resourceControlPolicies: [],
      resourcePolicy: service === 'kms' ? defaultKeyPolicy() : undefined,
    },
    {},
  )
  const where = `${action} on ${resource}`
  if (outcome.resultType === 'error') throw new Error(`${where}: ${JSON.stringify(outcome.errors)}`)
  if (outcome.resultType === 'single') {
    const ignored = outcome.result.ignoredContextKeys
    if (ignored.length > 0) throw new Error(`${where}: the action does not know ${ignored.join(', ')}`)
  }
  return outcome.overallResult
}

/** What a key has unless someone changed it: the account's IAM policies decide. */
function defaultKeyPolicy() {
  return {
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Principal: { AWS: `arn:aws:iam::${account}:root` }, Action: 'kms:*', Resource: '*' }],
  }
}

/** The policy with one thing loosened (a case must become allowed) or one thing dropped (a case must become denied). */
function* mutants(policy) {
  for (const [index, statement] of policy.Statement.entries()) {
    const mutant = (what, changes) => ({
      name: `${statement.Sid}: ${what}`,
      policy: { ...policy, Statement: policy.Statement.with(index, { ...statement, ...changes }) },
    })
    const actions = list(statement.Action)
    const arns = list(statement.Resource)
    const services = [...new Set(actions.map((action) => action.split(':')[0]))]

    for (const service of services) {
      const others = actions.filter((action) => !action.startsWith(`${service}:`))
      yield mutant(`any action of ${service}`, { Action: [...others, `${service}:*`] })
    }
    if (statement.Resource !== '*') yield mutant('any resource', { Resource: '*' })
    for (const [operator, tests] of Object.entries(statement.Condition ?? {})) {
      for (const key of Object.keys(tests)) {
        const { [key]: _, ...otherTests } = tests
        yield mutant(`without ${operator} ${key}`, { Condition: { ...statement.Condition, [operator]: otherTests } })
        for (const value of list(tests[key])) {
          const others = list(tests[key]).filter((other) => other !== value)
          if (others.length > 0) {
            yield mutant(`${key} never ${value}`, { Condition: { ...statement.Condition, [operator]: { ...tests, [key]: others } } })
          }
        }
      }
    }

    yield { name: `without ${statement.Sid}`, policy: { ...policy, Statement: policy.Statement.filter((other) => other !== statement) } }
    if (actions.length > 1) {
      for (const action of actions) yield mutant(`without ${action}`, { Action: actions.filter((other) => other !== action) })
    }
    if (arns.length > 1) {
      for (const arn of arns) yield mutant(`without ${arn}`, { Resource: arns.filter((other) => other !== arn) })
    }
  }
}
