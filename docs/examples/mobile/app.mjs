// A mobile app, in the parts that are the same on every platform. The platform gives it three things:
//
//   openBrowser(url)   shows the address in the system's browser (ASWebAuthenticationSession, Custom Tabs) and answers the
//                      address it was called back at: a private-use scheme of the app's own, written backwards like its
//                      bundle id (RFC 8252 §7.1), or an https address that is claimed for the app (§7.2)
//   keep(name, value)  writes to the system's key store (Keychain, Keystore); without a value, deletes
//   kept(name)         reads from it
import { ask, begin, finish, newKey, refresh, signOut } from '../sign-in.mjs'

export class SitthiApp {
  constructor({ issuer, clientId, redirectUri }, { openBrowser, keep, kept }) {
    this.app = { issuer, clientId, redirectUri, scope: 'openid profile citizen' }
    Object.assign(this, { openBrowser, keep, kept })
  }

  async signIn(extra = {}) {
    const key = await newKey()
    const { url, attempt } = await begin(this.app, extra)
    this.tokens = await finish(this.app, attempt, await this.openBrowser(url), key)
    this.key = key // not before: whoever cancels goes on with the tokens and the key they had
    await this.keep('key', this.key)
    await this.keep('refresh-token', this.tokens.refreshToken)
    return this.tokens.claims
  }

  // After a restart of the app; false when the person has to sign in.
  async resume() {
    this.key = await this.kept('key')
    if (this.key) await this.renew()
    return this.key !== undefined
  }

  async ask(query, variables = {}) {
    if (this.tokens.expiresAt < Date.now() + 30_000) await this.renew()
    return ask(this.app, this.tokens, query, variables, this.key)
  }

  // One at a time: a refresh token that is sent twice looks stolen, and the person would be signed out.
  renew() {
    this.renewing ??= this.renewed().finally(() => { this.renewing = undefined })
    return this.renewing
  }

  async renewed() {
    const refreshToken = await this.kept('refresh-token')
    this.tokens = { ...this.tokens, ...(await refresh(this.app, { refreshToken }, this.key)) }
    await this.keep('refresh-token', this.tokens.refreshToken)
  }

  async signOut() {
    await signOut(this.app, this.tokens, this.key)
    for (const name of ['key', 'refresh-token']) await this.keep(name)
    this.key = this.tokens = undefined
  }
}
