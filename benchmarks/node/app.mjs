// Passport on Node, set up as its own guides do it: Express, express-session with its
// store in memory, passport, passport-local. The same page as that of ../server.
//
// It prints "ready <port>", and ends when its standard input does.
import express from 'express';
import session from 'express-session';
import passport from 'passport';
import { Strategy as LocalStrategy } from 'passport-local';
import process from 'node:process';

const people = new Map([['4711', { id: '4711', name: 'ada' }]]);

passport.use(new LocalStrategy((username, password, done) => {
  done(null, username === 'ada' && password === 'lovelace' ? people.get('4711') : false);
}));
passport.serializeUser((user, done) => done(null, user.id));
passport.deserializeUser((id, done) => done(null, people.get(id) ?? false));

const app = express();
app.disable('x-powered-by');
app.set('etag', false); // net/http makes none either
app.use(session({ secret: 'keyboard cat', resave: false, saveUninitialized: false }));
app.use(passport.session());
app.post('/login', express.urlencoded({ extended: false }), passport.authenticate('local'), (req, res) => {
  res.type('text').send(`hello ${req.user.name}`);
});
app.get('/page', (req, res) => {
  res.type('text').send(`hello ${req.user ? req.user.name : 'stranger'}`);
});

const server = app.listen(0, '127.0.0.1', () => {
  process.stdout.write(`ready ${server.address().port}\n`);
});
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
