package passporttest

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gopassport/passport/internal/authserver"
)

// token is the token endpoint.
func (p *Provider) token(c *call) *Reply {
	if c.Method != http.MethodPost {
		return refused(&authserver.Problem{Status: http.StatusMethodNotAllowed, Code: "invalid_request", Description: "the token endpoint takes POST"})
	}
	client, problem := p.rules.Authenticate(c.Request, c.form)
	if problem != nil {
		return refused(problem)
	}
	if p.happens(InvalidGrant, Token) {
		return refused(&authserver.Problem{Status: http.StatusBadRequest, Code: "invalid_grant", Description: "the test wants it so"})
	}
	issued, problem := p.rules.Redeem(client, c.form)
	if problem != nil {
		return refused(problem)
	}
	return p.grant(issued)
}

func (p *Provider) grant(issued authserver.Issued) *Reply {
	members := map[string]any{
		"access_token": issued.Access, "token_type": "Bearer", "expires_in": int(issued.Life / time.Second), "refresh_token": issued.Refresh, "scope": issued.Scope,
	}
	if slices.Contains(strings.Fields(issued.Scope), "openid") && !p.happens(NoIDToken, Token) {
		members["id_token"] = p.idToken(issued)
	}
	if p.happens(NoAccessToken, Token) {
		delete(members, "access_token")
	}
	if p.happens(WrongTokenType, Token) {
		members["token_type"] = "mac"
	}
	return reply(http.StatusOK, members)
}
