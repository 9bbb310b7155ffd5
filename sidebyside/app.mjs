// The original, for the side-by-side run: Passport with Express, set up as its own guides
// do it, on the routes that ours_test.go has as well. Both name and order the routes alike.
//
// PORT is where to listen (0: any), PROVIDER the address of the fake provider. It prints
// "ready <port>", and ends when its standard input does.
import { createHash } from 'node:crypto';
import process from 'node:process';
import { ensureLoggedIn } from 'connect-ensure-login';
import express from 'express';
import session, { MemoryStore } from 'express-session';
import passport from 'passport';
import { Strategy as AnonymousStrategy } from 'passport-anonymous';
import { BasicStrategy } from 'passport-http';
import { Strategy as BearerStrategy } from 'passport-http-bearer';
import { Strategy as LocalStrategy } from 'passport-local';
import { Strategy as OAuth2Strategy } from 'passport-oauth2';
import { Strategy } from 'passport-strategy';

const provider = process.env.PROVIDER;

// People.

const load = (id, done) => {
  switch (id) {
    case 'ghost': return done(null, false);
    case 'broken': return done(new Error('the database is down'));
    case 'thrower': throw new Error('a mistake in the program');
    default: return done(null, { id });
  }
};
passport.serializeUser((user, done) => done(null, user.id));
passport.deserializeUser(load);

const checkPassword = (username, password, done) => {
  switch (username) {
    case 'fault': return done(new Error('the database is down'));
    case 'panic': throw new Error('a mistake in the program');
    case 'locked': return done(null, false, { message: 'Account locked' });
    case 'nobody': return done(null, false);
  }
  if (password !== 'secret' && password !== 'a:b' && password !== 'grüße') {
    return done(null, false, { message: 'Wrong name or password' });
  }
  done(null, { id: username });
};

const checkToken = (token, done) => {
  switch (token) {
    case 'good': return done(null, { id: 'alice' });
    case 'scoped': return done(null, { id: 'alice' }, { scope: 'read' });
    case 'expired': return done(null, false, 'The token expired');
    case 'quoted': return done(null, false, 'say "no"');
    case 'fault': return done(new Error('the database is down'));
    default: return done(null, false);
  }
};

// Strategies.

passport.use('local', new LocalStrategy(checkPassword));
passport.use('mail', new LocalStrategy({ usernameField: 'user[email]', passwordField: 'user[password]' }, checkPassword));
passport.use('basic', new BasicStrategy({ realm: 'Reports' }, (username, password, done) => {
  checkPassword(username, password, (err, user) => done(err, user));
}));
passport.use('bearer', new BearerStrategy({ scope: 'read' }, checkToken));
passport.use('anonymous', new AnonymousStrategy());

const service = (callbackURL, verify) => {
  const strategy = new OAuth2Strategy({
    authorizationURL: `${provider}/authorize`,
    tokenURL: `${provider}/token`,
    clientID: 'app',
    clientSecret: 'app-secret',
    callbackURL,
    state: true,
    pkce: true,
    passReqToCallback: true,
  }, verify);
  strategy._oauth2.useAuthorizationHeaderforGET(true);
  strategy.userProfile = function userProfile(token, done) {
    this._oauth2.get(`${provider}/profile`, token, (err, body) => {
      if (err) { return done(err); }
      try {
        done(null, JSON.parse(body));
      } catch (e) {
        done(e);
      }
    });
  };
  return strategy;
};
passport.use('service', service('/auth/service/callback', (req, access, refresh, profile, done) => {
  if (profile.login === 'refused') { return done(null, false, { message: 'Not invited' }); }
  done(null, { id: `service:${profile.id}` });
}));
passport.use('service-authz', service('/connect/service/callback', (req, access, refresh, profile, done) => {
  if (profile.login === 'refused') { return done(null, false, { message: 'Not invited' }); }
  done(null, `service:${profile.id} for ${req.user?.id ?? 'nobody'}`);
}));

// One outcome each.
class Outcome extends Strategy {
  constructor(act) {
    super();
    this.authenticate = act;
  }
}
const outcomes = {
  informing() { this.success({ id: 'alice' }, { message: 'Hello', scope: 'read' }); },
  failing() { this.fail('Test realm="a"'); },
  silent() { this.fail(); },
  paying() { this.fail('Test realm="b"', 402); },
  forbidding() { this.fail('Test realm="c"', 403); },
  explicit() { this.fail('Test realm="d"', 401); },
  passing() { this.pass(); },
  faulty() { this.error(new Error('the directory is down')); },
  throwing() { throw new Error('a mistake in the program'); },
  away() { this.redirect(`${provider}/authorize`); },
  'away-303'() { this.redirect(`${provider}/authorize`, 303); },
  'away-307'() { this.redirect(`${provider}/authorize`, 307); },
  'away-local'() { this.redirect('/elsewhere?x=1'); },
};
for (const [name, act] of Object.entries(outcomes)) {
  passport.use(name, new Outcome(act));
}

// Sessions.

const app = express();
const store = new MemoryStore();
app.disable('x-powered-by');
app.use(session({ secret: 'side by side', resave: false, saveUninitialized: false, store }));
app.get('/-/session', (req, res) => { // which session does the cookie lead to, and is it of any use?
  const held = JSON.parse(store.sessions[req.sessionID] ?? 'null');
  const id = held ? createHash('sha256').update(req.sessionID).digest('hex') : '';
  res.json({ id, used: held?.passport?.user !== undefined || held?.cart !== undefined });
});
app.use(express.urlencoded({ extended: true }));
app.use(express.json());
app.use(passport.session());

// What a handler saw.

const text = (value) => (typeof value === 'string' ? value : value?.id) ?? '';
const told = (info) => info?.message ?? info?.scope ?? '';
const shows = (at) => (req, res) => {
  res.json({ at, user: text(req.user), account: text(req.account), info: told(req.authInfo) });
};

// The application.

app.all('/whoami', shows('whoami'));
app.get('/home', shows('home'));
app.get('/messages', (req, res) => {
  const messages = req.session.messages ?? [];
  delete req.session.messages;
  res.json({ at: 'messages', messages });
});
app.post('/cart', (req, res) => {
  req.session.cart = req.body.cart;
  res.json({ at: 'cart', cart: req.session.cart });
});
app.get('/cart', (req, res) => res.json({ at: 'cart', cart: req.session.cart ?? '' }));
app.all('/private', ensureLoggedIn('/login'), shows('private'));
app.all(/^\/\/elsewhere\.test\//, ensureLoggedIn('/login'), shows('private'));

// Log in with a form.

const both = { successRedirect: '/home', failureRedirect: '/login' };
const login = (path, options) => app.all(path, passport.authenticate('local', options), shows('login'));
login('/login/plain', {});
login('/login/redirect', both);
login('/login/keep', { keepSessionInfo: true });
login('/login/return', { successReturnToOrRedirect: '/home', failureRedirect: '/login' });
login('/login/return/keep', { successReturnToOrRedirect: '/home', failureRedirect: '/login', keepSessionInfo: true });
login('/login/messages', { ...both, successMessage: 'Welcome', failureMessage: 'Try again' });
login('/login/messages/keep', { ...both, successMessage: 'Welcome', keepSessionInfo: true });
login('/login/messages/own', { ...both, failureMessage: true });
login('/login/stateless', { session: false });
app.all('/login/mail', passport.authenticate('mail'), shows('login'));
app.all('/login/failwitherror', passport.authenticate('local', { failWithError: true }), shows('login'),
  (err, req, res, next) => { // eslint-disable-line no-unused-vars
    res.status(err.status ?? 500).json({ at: 'onerror' });
  });
const finish = (req, res, next) => (err, user, info, status) => {
  if (err) { return next(err); }
  if (!user) { return res.status(422).json({ at: 'check', message: `${info?.message ?? ''} ${status ?? 401}`.trim() }); }
  req.logIn(user, (e) => (e ? next(e) : shows('check')(req, res)));
};
for (const name of ['local', 'passing', 'away']) {
  app.all(`/check/${name}`,
    (req, res, next) => passport.authenticate(name, finish(req, res, next))(req, res, next), shows('passed'));
}
app.all('/check/only', (req, res, next) => passport.authenticate('local', (err, user) => {
  if (err) { return next(err); }
  res.json({ at: user ? 'good' : 'bad', user: text(req.user) });
})(req, res, next));
app.post('/signup', (req, res, next) => {
  req.login({ id: req.body.username }, (err) => (err ? next(err) : shows('signup')(req, res)));
});
const logout = (path, options) => app.post(path, (req, res, next) => {
  req.logout(options, (err) => (err ? next(err) : shows('logout')(req, res)));
});
logout('/logout', {});
logout('/logout/keep', { keepSessionInfo: true });

// The same once more: ours keeps these logins in cookies, and not on the server.
app.all('/sealed/login', passport.authenticate('local'), shows('login'));
app.all('/sealed/whoami', shows('whoami'));
logout('/sealed/logout', {});

// Credentials with every request.

const api = (path, names, options) => app.all(path, passport.authenticate(names, { session: false, ...options }), shows('api'));
api('/basic', 'basic');
app.all('/basic/session', passport.authenticate('basic'), shows('api'));
api('/bearer', 'bearer');
app.all('/bearer/session', passport.authenticate('bearer'), shows('api'));

// Chains, and one outcome each.

api('/chain/api', ['bearer', 'basic']);
api('/chain/optional', ['bearer', 'anonymous']);
api('/chain/challenges', ['failing', 'silent', 'basic']);
api('/chain/statuses', ['paying', 'silent', 'forbidding']);
api('/chain/late-status', ['failing', 'forbidding']);
api('/chain/explicit', ['explicit', 'forbidding']);
api('/chain/fault', ['failing', 'faulty', 'informing']);
api('/chain/fallback', ['failing', 'informing']);
api('/chain/away', ['failing', 'away']);
api('/chain/redirect', ['paying', 'local'], { failureRedirect: '/login', failureMessage: true });
for (const name of Object.keys(outcomes)) {
  api(`/outcome/${name}`, name);
}
api('/outcome/informing/redirect', 'informing', { successRedirect: '/home', successMessage: true });
api('/outcome/failing/redirect', 'failing', { failureRedirect: '/login', failureMessage: true });
api('/outcome/faulty/redirect', 'faulty', { failureRedirect: '/login' });

// Connect an account.

const connect = (path, name, options) => app.all(path, passport.authorize(name, { ...options }), shows('connected'));
connect('/connect/local', 'local');
connect('/connect/local/redirect', 'local', { successRedirect: '/home', failureRedirect: '/account' });
connect('/connect/local/messages', 'local', { failureRedirect: '/account', successMessage: 'Connected', failureMessage: 'Not connected' });
connect('/connect/informing', 'informing');
app.all('/connect/private', ensureLoggedIn('/login'), passport.authorize('local'), shows('connected'));

// A service.

app.all(['/auth/service', '/auth/service/callback'],
  passport.authenticate('service', { successReturnToOrRedirect: '/home', failureRedirect: '/login', failureMessage: true }), shows('login'));
app.all('/auth/service/plain', passport.authenticate('service'), shows('login'));
app.all(['/connect/service', '/connect/service/callback'],
  passport.authorize('service-authz', { failureRedirect: '/account' }), shows('connected'));
app.all('/connect/service/plain', passport.authorize('service-authz'), shows('connected'));

const server = app.listen(Number(process.env.PORT ?? 0), '127.0.0.1', () => {
  process.stdout.write(`ready ${server.address().port}\n`);
});
process.stdin.resume().on('end', () => process.exit(0));
