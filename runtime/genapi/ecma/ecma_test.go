package ecma_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/omninode/trestle/runtime/genapi/ecma"
)

// TestRE2 holds translations to their text: what means the same to RE2 stays as it is.
func TestRE2(t *testing.T) {
	t.Parallel()
	for expr, want := range map[string]string{
		`^\d+\.\d+\.\d+$`: `^\d+\.\d+\.\d+$`, `^[a-z_][^A-Z\-]*$`: `^[a-z_][^A-Z\-]*$`, `(a|b){2,3}?\bc`: `(a|b){2,3}?\bc`,
		`^.+$`: `^[^\n\r\x{2028}\x{2029}]+$`, `\u0041\x41`: `AA`, `a\x41`: `a\x41`, `\cA`: `\x{1}`, `[^]`: `(?s:.)`, `[]`: `[^\x00-\x{10FFFF}]`,
		`^(?<year>\d{4})-[\w-.]$`: `^(?:\d{4})-[\-.0-9A-Z_a-z]$`, `(?i:aé)`: `[Aa][Éé]`, `a|(?:b.|c)d`: `a|(?:b[^\n\r\x{2028}\x{2029}]|c)d`,
		`\p{Lu}\P{Script=Greek}`: `\p{Lu}\P{Greek}`, `\p{Letter}`: `\p{L}`, `^\{a}{2$`: `^\{a\}\{2$`, `\ud83d\ude00`: `\x{1F600}`, `\0`: `\x{0}`,
		`(?:)`: `(?:)`, ``: ``, `(?s:.)`: `(?s:.)`, `.{1000}`: `[^\n\r\x{2028}\x{2029}]{1000}`, `\/`: `\/`, `a{02}`: `a{2}`, `\-`: `\-`, `é.`: `é[^\n\r\x{2028}\x{2029}]`,
	} {
		tree, err := ecma.Parse(expr)
		if err != nil {
			t.Errorf("%s: %v", expr, err)
			continue
		}
		if got, ok := tree.RE2(); got != want || !ok {
			t.Errorf("%s: got %s, %t, want %s", expr, got, ok, want)
		}
	}
	for _, expr := range []string{`(?=a)`, `(?<!a)b`, `(a)\1`, `a{1001}`, `(?:a{50}){50}`, `(?i:\b)`, `(?m:^)`} {
		tree, err := ecma.Parse(expr)
		if err != nil {
			t.Fatalf("%s: %v", expr, err)
		}
		if got, ok := tree.RE2(); ok {
			t.Errorf("%s: %s", expr, got)
		}
	}
}

func TestMatch(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ good, bad []string }{
		`^\s$`:                       {[]string{" ", "\u00a0", "\ufeff", "\u2003", "\u2028", "\v"}, []string{"\u0085", "\u200b", "a"}},
		`^\d$`:                       {[]string{"1"}, []string{"٣"}},
		`^\w$`:                       {[]string{"_"}, []string{"é"}},
		`a$`:                         {[]string{"ba"}, []string{"a\n"}},
		`^.$`:                        {[]string{"é", "😀", "\u0085"}, []string{"\n", "\r", "\u2028", "\u2029"}},
		`^(?!foo)[a-z]+$`:            {[]string{"bar", "fo"}, []string{"foobar", "foo"}},
		`^(?=.*\d)(?=.*[a-z]).{4,}$`: {[]string{"abc1", "1aaa"}, []string{"abcd", "a1"}},
		`(?<=\$)\d+(?<!0)$`:          {[]string{"$41"}, []string{"41", "$40"}},
		`^(a+)b\1$`:                  {[]string{"aba", "aabaa"}, []string{"aab", "ab"}},
		`^(?<q>["']).*\k<q>$`:        {[]string{`"a"`, "'b'"}, []string{`"a'`}},
		`^(?:(a)|b)*\1$`:             {[]string{"ab", "aa", "b", ""}, []string{"c"}},
		`^\1(a)$`:                    {[]string{"a"}, []string{"aa"}},
		`(?<=\1(a))b`:                {[]string{"aab"}, []string{"ab"}},
		`^.{0,2000}$`:                {[]string{"", strings.Repeat("é", 2000)}, []string{strings.Repeat("a", 2001), "\n"}},
		`^(?:ab){1500}$`:             {[]string{strings.Repeat("ab", 1500)}, []string{strings.Repeat("ab", 1499)}},
		`^(?:(?!--).)*$`:             {[]string{"a-b", ""}, []string{"a--b"}},
		`^(?i:k)$`:                   {[]string{"k", "K", "\u212a"}, []string{"x"}},
		`^(?:(?:)|a){3}$`:            {[]string{"", "a", "aaa"}, []string{"aaaa"}},
		`(?m:^b$)`:                   {[]string{"a\nb\nc", "b"}, []string{"ab"}},
		`\p{Emoji_Presentation}`:     {[]string{"😀"}, []string{"a", "1"}},
		`^\p{scx=Hira}+$`:            {[]string{"あー"}, []string{"ア"}},
		`^\p{Alpha}\p{IDS}$`:         {[]string{"éb"}, []string{"1b"}},
		`(?:\b|x)(?=y)`:              {[]string{"y", "xy", " y"}, []string{"ay"}},
		`^(?<y>\d{4})-|(?<y>\d\d)$`:  {[]string{"2024-", "a24"}, []string{"a"}},
	}
	for expr, tt := range tests {
		re, err := ecma.Compile(expr)
		if err != nil {
			t.Errorf("%s: %v", expr, err)
			continue
		}
		for _, s := range tt.good {
			if !re.MatchString(s) {
				t.Errorf("%s does not match %q", expr, s)
			}
		}
		for _, s := range tt.bad {
			if re.MatchString(s) {
				t.Errorf("%s matches %q", expr, s)
			}
		}
	}
}

// TestRefuses holds what is no expression of ECMA-262 to an error that says where.
func TestRefuses(t *testing.T) {
	t.Parallel()
	for expr, at := range map[string]int{
		`(`: 0, `a)`: 1, `[a`: 0, `a**`: 2, `*a`: 0, `a{2,1}`: 1, `[b-a]`: 1, `\`: 0, `ab\a`: 2, `\Z`: 0, `\z`: 0, `\A`: 0, `(?P<n>a)`: 0, `(?<n>a`: 0,
		`\1`: 0, `(a)\2`: 3, `\k<n>`: 0, `(?<n>a)(?<n>b)`: 7, `\p{Greek}`: 0, `\p{sc=Nothing}`: 0, `\p`: 0, `\u{110000}`: 0, `\u12`: 0, `\xg0`: 0, `\c1`: 0,
		`(?i)a`: 0, `(?=a)*`: 5, `^*`: 1, `{1}`: 0, `(?<1a>b)`: 0, `\00`: 0, `[\1]`: 1, `[\B]`: 1, `a++`: 2, `(?>a)`: 0, `\Qa\E`: 0, `[[:alpha:]`: -1,
		strings.Repeat("(", 600) + strings.Repeat(")", 600): 500,
	} {
		_, err := ecma.Parse(expr)
		if at < 0 {
			if err != nil {
				t.Errorf("%s: %v", expr, err)
			}
			continue
		}
		fault, ok := errors.AsType[*ecma.SyntaxError](err)
		if !ok || fault.Offset != at {
			t.Errorf("%.20s: got %v, want a fault at %d", expr, err, at)
		}
	}
	if _, err := ecma.Compile(`(?:(?:(?:ab){1000}){1000}){1000}`); err == nil {
		t.Error("a billion repetitions are taken")
	}
	if _, err := ecma.Compile(`(?:){1000000000}a`); err != nil {
		t.Error(err)
	}
}

// TestBounded runs what grows beyond all bounds in machines that go back without a memory.
func TestBounded(t *testing.T) {
	t.Parallel()
	begin := time.Now()
	long := strings.Repeat("a", 200_000)
	for expr, want := range map[string]bool{`^(?!x)(?:a+)+$`: true, `^(?!x)(?:a|aa)+b$`: false, `^(?=(?:a*)*$)a`: true, `(?!b)(?:a?){50}a{50}$`: true} {
		if got := ecma.MustCompile(expr).MatchString(long[:20_000]); got != want {
			t.Errorf("%s: %t", expr, got)
		}
	}
	if !ecma.MustCompile(`^(?!.*x)[^]*$`).MatchString(long) || ecma.MustCompile(`^((a+)+)\1\2b$`).MatchString(long[:40]) {
		t.Error("a long text has another answer than a short one")
	}
	if took := time.Since(begin); took > 20*time.Second {
		t.Errorf("took %v", took)
	}
}
