package services

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"
)

// Issuer gives tokens to its one client, by client credentials (RFC 6749, section
// 4.4), and shows brokers the key that they are signed with.
type Issuer struct {
	// URL is its own address, and TokenURL the one that gives tokens.
	URL, TokenURL string
	// ClientID and ClientSecret are its client's; tokens are for that name.
	ClientID, ClientSecret string

	tb  testing.TB
	key *ecdsa.PrivateKey
}

// tokenAudience is whom tokens are for: brokers take no others.
const tokenAudience = "kafka"

// NewIssuer starts an issuer that is stopped when the test ends.
func NewIssuer(tb testing.TB) *Issuer {
	tb.Helper()
	i := &Issuer{tb: tb, key: newKey(tb), ClientID: "orders", ClientSecret: "open sesame"}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /keys", i.serveKeys)
	mux.HandleFunc("POST /token", i.serveToken)
	server := httptest.NewServer(mux)
	tb.Cleanup(server.Close)
	i.URL, i.TokenURL = server.URL, server.URL+"/token"
	return i
}

// Properties are those of a listener, for [WithListener], that takes the issuer's
// tokens by OAUTHBEARER. The cluster needs [Issuer.JVMFlag], too.
func (i *Issuer) Properties() map[string]string {
	return map[string]string{
		"sasl.enabled.mechanisms":                        "OAUTHBEARER",
		"oauthbearer.sasl.jaas.config":                   `org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required;`,
		"oauthbearer.sasl.server.callback.handler.class": "org.apache.kafka.common.security.oauthbearer.OAuthBearerValidatorCallbackHandler",
		"oauthbearer.sasl.oauthbearer.jwks.endpoint.url": i.URL + "/keys",
		"oauthbearer.sasl.oauthbearer.expected.audience": tokenAudience,
		"oauthbearer.sasl.oauthbearer.expected.issuer":   i.URL,
	}
}

// JVMFlag lets brokers fetch the issuer's keys, for [WithJVMFlag].
func (i *Issuer) JVMFlag() string {
	return "-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls=" + i.URL + "/keys"
}

// Token returns a token that ends after a time, or has ended before it was made.
func (i *Issuer) Token(validFor time.Duration) string {
	i.tb.Helper()
	now := time.Now()
	claims, err := json.Marshal(map[string]any{
		"iss": i.URL, "aud": tokenAudience, "sub": i.ClientID, "scope": tokenAudience,
		"iat": now.Add(-2 * time.Hour).Unix(), "exp": now.Add(validFor).Unix(),
	})
	if err != nil {
		i.tb.Error(err)
	}
	signed := base64url([]byte(`{"alg":"ES256","kid":"one","typ":"JWT"}`)) + "." + base64url(claims)
	digest := sha256.Sum256([]byte(signed))
	r, s, err := ecdsa.Sign(rand.Reader, i.key, digest[:])
	if err != nil {
		i.tb.Error(err)
		return ""
	}
	signature := make([]byte, 64)
	r.FillBytes(signature[:32])
	s.FillBytes(signature[32:])
	return signed + "." + base64url(signature)
}

func (i *Issuer) serveKeys(w http.ResponseWriter, _ *http.Request) {
	public, err := i.key.PublicKey.Bytes()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	half := elliptic.P256().Params().BitSize / 8
	fmt.Fprintf(w, `{"keys":[{"kty":"EC","crv":"P-256","alg":"ES256","use":"sig","kid":"one","x":%q,"y":%q}]}`, base64url(public[1:1+half]), base64url(public[1+half:]))
}

func (i *Issuer) serveToken(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	id, secret, _ := r.BasicAuth()
	if id != i.ClientID || secret != i.ClientSecret && secret != url.QueryEscape(i.ClientSecret) {
		w.WriteHeader(http.StatusUnauthorized)
		fmt.Fprint(w, `{"error":"invalid_client"}`)
		return
	}
	fmt.Fprintf(w, `{"access_token":%q,"token_type":"Bearer","expires_in":3600}`, i.Token(time.Hour))
}

func base64url(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }
