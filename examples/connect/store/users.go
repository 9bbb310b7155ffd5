package store

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
	"time"
)

// User is somebody who can log in.
type User struct {
	ID           int64
	Username     string
	PasswordHash []byte // nil: there is no password
	Created      time.Time
}

// Key names the user in the login and to whom accounts belong.
func (u *User) Key() string { return strconv.FormatInt(u.ID, 10) }

// queryer is a database or a transaction.
type queryer interface {
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// CreateUser creates a user who logs in by password. It returns
// ErrUsernameTaken where the name differs from another only in case, too.
func (s *Store) CreateUser(ctx context.Context, username string, passwordHash []byte) (*User, error) {
	return s.insertUser(ctx, s.db, username, passwordHash)
}

// User finds a user, or returns ErrNotFound.
func (s *Store) User(ctx context.Context, id int64) (*User, error) {
	return oneUser(s.db.QueryRowContext(ctx, userColumns+`WHERE id = ?`, id))
}

// UserByName finds a user whatever the case of the name, or returns
// ErrNotFound.
func (s *Store) UserByName(ctx context.Context, username string) (*User, error) {
	return oneUser(s.db.QueryRowContext(ctx, userColumns+`WHERE username = ?`, username))
}

// SetPassword gives a user a new password, or a first one.
func (s *Store) SetPassword(ctx context.Context, userID int64, passwordHash []byte) error {
	result, err := s.db.ExecContext(ctx, `UPDATE users SET password_hash = ? WHERE id = ?`, passwordHash, userID)
	if err != nil {
		return asError(err)
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return errors.Join(ErrNotFound, err)
	}
	return nil
}

// CreateUserLike creates a user without a password, who logs in with an account.
// Where the name is taken, a number is added to it.
func (s *Store) CreateUserLike(ctx context.Context, username string) (user *User, err error) {
	err = s.atomically(ctx, func(tx *sql.Tx) error {
		user, err = s.insertUserNamedLike(ctx, tx, username)
		return err
	})
	if err != nil {
		return nil, err
	}
	return user, nil
}

// DeleteUser removes a user.
func (s *Store) DeleteUser(ctx context.Context, id int64) error {
	_, err := s.db.ExecContext(ctx, `DELETE FROM users WHERE id = ?`, id)
	return asError(err)
}

// insertUserNamedLike looks for a free name. Nobody takes it meanwhile: the
// transaction has the only lock for writing.
func (s *Store) insertUserNamedLike(ctx context.Context, tx *sql.Tx, wanted string) (*User, error) {
	name := wanted
	for i := 2; ; i++ {
		taken := false
		err := tx.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM users WHERE username = ?)`, name).Scan(&taken)
		if err != nil {
			return nil, asError(err)
		}
		if !taken {
			return s.insertUser(ctx, tx, name, nil)
		}
		name = wanted + "-" + strconv.Itoa(i)
	}
}

func (s *Store) insertUser(ctx context.Context, db queryer, username string, passwordHash []byte) (*User, error) {
	return oneUser(db.QueryRowContext(ctx,
		`INSERT INTO users (username, password_hash, created) VALUES (?, ?, ?) RETURNING id, username, password_hash, created`,
		username, passwordHash, time.Now().UnixMilli()))
}

const userColumns = `SELECT id, username, password_hash, created FROM users `

func oneUser(row *sql.Row) (*User, error) {
	var user User
	var created int64
	if err := row.Scan(&user.ID, &user.Username, &user.PasswordHash, &created); err != nil {
		return nil, asError(err)
	}
	user.Created = time.UnixMilli(created)
	return &user, nil
}
