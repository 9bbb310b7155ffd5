package store

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"time"
)

// Account is an account at another service.
type Account struct {
	ID          int64
	UserID      int64
	Provider    string // where the account is, such as "github"
	Subject     string // which one it is there: an id that never changes
	Label       string // what people call it; it may change
	Avatar      string // the address of a picture, or ""
	ConnectedAt time.Time
	UpdatedAt   time.Time
}

// Outcome is what [Store.Link] did.
type Outcome int

const (
	// Linked is the outcome where the account was new.
	Linked Outcome = iota + 1
	// Updated is the outcome where the account was the user's already.
	Updated
)

// Link connects an account with a user. An account that the user has already
// gets its new label and picture. It returns ErrAccountInUse where another
// user has it, and ErrNotFound where there is no such user.
func (s *Store) Link(ctx context.Context, userID int64, account Account) (outcome Outcome, err error) {
	err = s.atomically(ctx, func(tx *sql.Tx) error {
		owner, err := s.find(ctx, tx, account.Provider, account.Subject)
		switch {
		case errors.Is(err, ErrNotFound):
			outcome = Linked
			return s.insertAccount(ctx, tx, userID, account)
		case err != nil:
			return err
		case owner.UserID != userID:
			return ErrAccountInUse
		}
		outcome = Updated
		_, err = tx.ExecContext(ctx, `UPDATE accounts SET label = ?, avatar = ?, updated_at = ? WHERE id = ?`,
			account.Label, account.Avatar, s.now().UnixMilli(), owner.ID)
		return asError(err, nil)
	})
	if err != nil {
		return 0, err
	}
	return outcome, nil
}

// Unlink disconnects one of the user's accounts. It returns ErrNotFound for
// an account that the user does not have, and ErrLastLogin, having changed
// nothing, where the user could not log in afterwards.
func (s *Store) Unlink(ctx context.Context, userID, accountID int64) error {
	return s.atomically(ctx, func(tx *sql.Tx) error {
		result, err := tx.ExecContext(ctx, `DELETE FROM accounts WHERE id = ? AND user_id = ?`, accountID, userID)
		if err != nil {
			return asError(err, nil)
		}
		if n, err := result.RowsAffected(); err != nil || n == 0 {
			return errors.Join(ErrNotFound, err)
		}
		return s.checkLogin(ctx, tx, userID)
	})
}

// checkLogin returns ErrLastLogin where no way to log in is left.
func (s *Store) checkLogin(ctx context.Context, tx *sql.Tx, userID int64) error {
	user, err := oneUser(tx.QueryRowContext(ctx, userColumns+`WHERE id = ?`, userID))
	if err != nil || user.PasswordHash != nil {
		return err
	}
	accounts, err := accountsOf(ctx, tx, userID)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(accounts, s.CanLogIn) {
		return ErrLastLogin
	}
	return nil
}

// CanLogIn tells whether people can log in with such an account.
func (s *Store) CanLogIn(account Account) bool { return slices.Contains(s.login, account.Provider) }

// Accounts lists the accounts of a user, in the order they were connected.
func (s *Store) Accounts(ctx context.Context, userID int64) ([]Account, error) {
	return accountsOf(ctx, s.db, userID)
}

// FindByAccount finds the user who has an account, or returns ErrNotFound.
func (s *Store) FindByAccount(ctx context.Context, provider, subject string) (*User, error) {
	return oneUser(s.db.QueryRowContext(ctx,
		`SELECT u.id, u.username, u.password_hash, u.created FROM users u JOIN accounts a ON a.user_id = u.id
		 WHERE a.provider = ? AND a.subject = ?`, provider, subject))
}

const accountColumns = `SELECT id, user_id, provider, subject, label, avatar, connected_at, updated_at FROM accounts `

func (s *Store) find(ctx context.Context, db queryer, provider, subject string) (Account, error) {
	account, err := scanAccount(db.QueryRowContext(ctx, accountColumns+`WHERE provider = ? AND subject = ?`, provider, subject))
	return account, asError(err, nil)
}

func (s *Store) insertAccount(ctx context.Context, db queryer, userID int64, a Account) error {
	now := s.now().UnixMilli()
	_, err := db.ExecContext(ctx,
		`INSERT INTO accounts (user_id, provider, subject, label, avatar, connected_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?)`,
		userID, a.Provider, a.Subject, a.Label, a.Avatar, now, now)
	return asError(err, ErrAccountInUse)
}

func accountsOf(ctx context.Context, db queryer, userID int64) (accounts []Account, err error) {
	rows, err := db.QueryContext(ctx, accountColumns+`WHERE user_id = ? ORDER BY id`, userID)
	if err != nil {
		return nil, asError(err, nil)
	}
	defer rows.Close() //nolint:errcheck // rows.Err has what went wrong
	for rows.Next() {
		account, err := scanAccount(rows)
		if err != nil {
			return nil, asError(err, nil)
		}
		accounts = append(accounts, account)
	}
	return accounts, asError(rows.Err(), nil)
}

func scanAccount(row interface{ Scan(...any) error }) (a Account, err error) {
	var connected, updated int64
	err = row.Scan(&a.ID, &a.UserID, &a.Provider, &a.Subject, &a.Label, &a.Avatar, &connected, &updated)
	a.ConnectedAt, a.UpdatedAt = time.UnixMilli(connected), time.UnixMilli(updated)
	return a, err
}
