// A web app without a server of its own. Tokens stay in memory: what is in localStorage, every script on the page can take.
import { ask, begin, finish, refresh, signOut } from '../sign-in.mjs'

const page = new URL(location.href)
// A link may choose them on a developer's machine alone. Elsewhere write them in: anybody's link could name an issuer of theirs,
// and your page would send people there to sign in.
const isDevelopment = ['localhost', '127.0.0.1', '[::1]'].includes(page.hostname)
const chosen = (name) => (isDevelopment ? page.searchParams.get(name) ?? sessionStorage.getItem(name) : null)
const app = {
  issuer: chosen('issuer') ?? 'http://localhost:8000',
  clientId: chosen('client_id') ?? 'demo-app',
  redirectUri: page.origin + page.pathname,
  scope: 'openid profile citizen',
}
let tokens

const element = (id) => document.getElementById(id)
const guarded = (act) => () => act().catch((error) => { element('problem').textContent = error.message })

async function signIn() {
  const { url, attempt } = await begin(app)
  sessionStorage.setItem('attempt', JSON.stringify(attempt))
  sessionStorage.setItem('issuer', app.issuer)
  sessionStorage.setItem('client_id', app.clientId)
  location.assign(url)
}

async function comeBack() {
  const attempt = JSON.parse(sessionStorage.getItem('attempt'))
  sessionStorage.removeItem('attempt')
  const cameBackTo = location.href
  history.replaceState(null, '', app.redirectUri) // the code is out of the address bar before anything else
  tokens = await finish(app, attempt, cameBackTo)
  element('name').textContent = tokens.claims.name
  await show()
}

async function show() {
  const { data, errors } = await ask(app, tokens, '{ viewer { entitlements { status programme { title } } } }')
  if (errors) throw new Error(errors[0].extensions.code)
  element('entitlements').replaceChildren(
    ...data.viewer.entitlements.map(({ status, programme }) => {
      const line = document.createElement('li')
      line.textContent = `${programme.title}: ${status}`
      return line
    }),
  )
}

element('sign-in').addEventListener('click', guarded(signIn))
element('again').addEventListener('click', guarded(async () => {
  tokens = await refresh(app, tokens)
  await show()
  element('problem').textContent = 'refreshed'
}))
element('sign-out').addEventListener('click', guarded(async () => {
  await signOut(app, tokens)
  tokens = undefined
  element('name').textContent = '—'
  element('entitlements').replaceChildren()
}))
if (page.searchParams.has('state')) guarded(comeBack)()
