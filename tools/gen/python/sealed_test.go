package python_test

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/omninode/trestle/runtime/encrypt"
	"github.com/omninode/trestle/runtime/encrypt/kek"
	"github.com/omninode/trestle/runtime/event"
	"github.com/omninode/trestle/runtime/jsonio"
	dynamic "github.com/omninode/trestle/tools/event"
	ledgerv1 "github.com/omninode/trestle/tools/gen/golang/testdata/sealed/want/acme/ledger/v1"
	sealedv1 "github.com/omninode/trestle/tools/gen/golang/testdata/sealed/want/acme/sealed/v1"
	"github.com/omninode/trestle/tools/gen/python"
	"github.com/omninode/trestle/tools/schema"
)

// sealedEvents is how many random events with encrypted fields Go and Python exchange; TRESTLE_TEST_SEALED sets another number.
const sealedEvents = 3000

const (
	sealedBatch = 500
	probeEvery  = 4 // of these one is read in every other way too
)

// TestSealedBetweenGoAndPython has Go write random events with encrypted fields and Python read them, and write them again for Go, while keys are rotated,
// destroyed and erased. Both read the same, without keys too; what is to be encrypted is in no record and in nothing that Python writes.
func TestSealedBetweenGoAndPython(t *testing.T) {
	t.Parallel()
	total := sealedEvents
	if text := os.Getenv("TRESTLE_TEST_SEALED"); text != "" {
		var err error
		if total, err = strconv.Atoi(text); err != nil {
			t.Fatal(err)
		}
	}
	exchanges := max(1, min(runtime.GOMAXPROCS(0), total/50_000))
	for n := range exchanges {
		t.Run(strconv.Itoa(n), func(t *testing.T) {
			t.Parallel()
			exchangeEvents(t, total/exchanges)
		})
	}
}

func exchangeEvents(t *testing.T, total int) {
	x := newExchange(t)
	var kept []event.Record
	for done := 0; done < total; done += sealedBatch {
		if done%100_000 == 0 && done > 0 {
			t.Logf("%d of %d events", done, total)
		}
		var batch []event.Record
		for range min(sealedBatch, total-done) {
			batch = append(batch, x.write(t))
		}
		x.compare(t, batch, true)
		kept = append(kept, batch[:min(40, len(batch))]...)
		kept = kept[max(0, len(kept)-200):]
		if n := done / sealedBatch; n%2 == 1 {
			x.change(t, n)
			x.compare(t, kept, false)
		}
		if err := x.peer.errors.take(); containsMarker(err) {
			t.Errorf("Python wrote to its standard error: %.2000s", err)
		}
		if t.Failed() {
			t.Fatalf("after %d events", done)
		}
	}
	t.Logf("%d values were sealed, %d were planted in what is encrypted, %d fields were unavailable", x.sealed, x.planted, x.unavailable)
	if x.sealed < 3*total || x.planted < 3*total || x.unavailable < total/10 {
		t.Error("too few of one kind")
	}
}

// exchange is what Go and Python exchange events with.
type exchange struct {
	peer   *peer
	rng    *rand.Rand
	events []*schema.Event
	types  *event.Types
	store  *logged
	keys   *encrypt.Keys
	given  int // how many entries Python has

	sealed, planted, unavailable int
}

// logged is a store in memory that remembers what is in it, in order.
type logged struct {
	encrypt.Memory
	entries []encrypt.Record
}

func (l *logged) Take(records []encrypt.Record) { l.entries = append(l.entries, records...) }
func (*logged) Restarted()                      {}

// sealedTypes are the generated ones of the set of sealed events.
func sealedTypes() *event.Types {
	return event.NewTypes(append(sealedv1.Events(), ledgerv1.Events()...)...)
}

func newExchange(t *testing.T) *exchange {
	t.Helper()
	return newExchangeOf(t, loadSet(t, filepath.Join("..", "golang", "testdata", "sealed", "in")), sealedTypes())
}

func newExchangeOf(t *testing.T, set *schema.Set, types *event.Types) *exchange {
	t.Helper()
	files, err := python.Generate(set)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write(t, dir, files)
	support, err := filepath.Abs(filepath.Join("..", "..", "..", "runtime", "python"))
	if err != nil {
		t.Fatal(err)
	}
	x := newRandom(t, set, types)
	x.store = &logged{}
	classes := map[string]encrypt.Class{}
	var words []string
	for _, class := range []string{"pii", "medical", "finance"} {
		path := filepath.Join(dir, class+".kek")
		if err := kek.Create(path, "k1"); err != nil {
			t.Fatal(err)
		}
		classes[class] = encrypt.Class{KEK: kek.NewFile(path)}
		words = append(words, class+"="+path)
	}
	reader := x.store.Follow(x.store)
	t.Cleanup(reader.Close)
	if x.keys, err = encrypt.NewKeys(x.store, classes); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(x.keys.Close)
	x.peer = startProgram(t, "sealed_peer.py", filepath.Join(dir, "python")+string(os.PathListSeparator)+support, append([]string{"acme_events"}, words...)...)
	return &x
}

// newRandom makes random events of a set's that are JSON.
func newRandom(t *testing.T, set *schema.Set, types *event.Types) exchange {
	t.Helper()
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	x := exchange{rng: rand.New(rand.NewPCG(seed, 0)), types: types}
	for _, e := range set.Events() {
		if e.Encoding == schema.EncodingJSON {
			x.events = append(x.events, e)
		}
	}
	return x
}

// write makes a record of a random event.
func (x *exchange) write(t *testing.T) event.Record {
	t.Helper()
	d := x.decoded(t)
	rec, err := event.Encode(d.Event, &d.Envelope, event.EncodeOptions{Keys: x.keys, Context: t.Context()})
	if err != nil {
		t.Fatal(err)
	}
	return rec
}

// random is a random event.
func (x *exchange) random(t *testing.T) event.Event { return x.decoded(t).Event }

// decoded is a random event, of a record where it is not encrypted.
func (x *exchange) decoded(t *testing.T) event.Decoded {
	t.Helper()
	e := x.events[x.rng.IntN(len(x.events))]
	g := &planter{records: records{rng: x.rng}, most: []int{1, 2, 3, 5, 5, 5}[x.rng.IntN(6)]}
	plain := event.Record{
		Topic: e.Topic.Name, Value: []byte(g.record(e)),
		Headers: []event.Header{{Key: "event-id", Value: []byte(randomUUID(x.rng))}, {Key: "event-type", Value: []byte(e.Type)}},
	}
	d, err := event.Decode(&plain, x.types, event.DecodeOptions{Keys: x.keys, Context: t.Context()})
	if err != nil {
		t.Fatalf("%s: %v", plain.Value, err)
	}
	x.planted += g.planted
	if g.planted > 0 && !containsMarker(string(plain.Value)) {
		t.Fatalf("nothing was planted in %s", plain.Value)
	}
	return d
}

// change rotates a class's key, and destroys what was before it, or a person's, every other time.
func (x *exchange) change(t *testing.T, n int) {
	t.Helper()
	class := []string{"pii", "medical", "finance"}[n/2%3]
	if _, err := x.keys.Rotate(t.Context(), class); err != nil {
		t.Fatal(err)
	}
	if _, err := x.keys.Erase(t.Context(), person(x.rng.IntN(persons))); err != nil {
		t.Fatal(err)
	}
	if n%4 != 3 {
		return
	}
	infos, err := x.keys.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, info := range infos {
		if info.State == encrypt.StateOld {
			if _, err := x.keys.Destroy(t.Context(), info.ID, false); err != nil {
				t.Fatal(err)
			}
			return
		}
	}
}

type sealedRequest struct {
	Entries [][2]string    `json:"entries"`
	Records []sealedRecord `json:"records"`
}

type sealedRecord struct {
	Topic   string      `json:"topic"`
	Value   []byte      `json:"value"`
	Headers [][2]string `json:"headers"`
	Probe   bool        `json:"probe"`
}

type sealedAnswer struct {
	Entries [][2]string
	Results []struct {
		Error       string
		Plain       string
		Unavailable [][3]string
		Without     [][3]string
		Tampered    [][2]string
		Unsealed    int
		Again       []byte
		Key         string
		Headers     [][2]string
		Shown       []string
	}
}

// compare has Python read records, and Go what Python writes of them.
func (x *exchange) compare(t *testing.T, batch []event.Record, isNew bool) {
	t.Helper()
	request := sealedRequest{Entries: [][2]string{}}
	for _, e := range x.store.entries[x.given:] {
		request.Entries = append(request.Entries, [2]string{string(e.Key), string(e.Value)})
	}
	for i, rec := range batch {
		if containsMarker(string(rec.Value)) || containsMarker(string(rec.Key)) {
			t.Fatalf("what is to be encrypted is in %s", rec.Value)
		}
		r := sealedRecord{Topic: rec.Topic, Value: rec.Value, Probe: i%probeEvery == 0}
		for _, h := range rec.Headers {
			r.Headers = append(r.Headers, [2]string{h.Key, string(h.Value)})
		}
		request.Records = append(request.Records, r)
	}
	var answer sealedAnswer
	x.peer.ask(t, request, &answer)
	for _, e := range answer.Entries {
		entry, err := encrypt.ParseEntry([]byte(e[1]))
		if err != nil {
			t.Fatalf("Python kept %s: %v", e[1], err)
		}
		if err := x.store.Append(t.Context(), entry); err != nil {
			t.Fatal(err)
		}
	}
	x.given = len(x.store.entries)
	for i, got := range answer.Results {
		rec := batch[i]
		d, err := event.Decode(&rec, x.types, event.DecodeOptions{Keys: x.keys, Context: t.Context()})
		if err != nil || got.Error != "" {
			t.Fatalf("of %s\nGo says %v\nPython says %s", rec.Value, err, got.Error)
		}
		for _, shown := range got.Shown {
			if containsMarker(shown) {
				t.Fatalf("of %s Python shows %s", rec.Value, shown)
			}
		}
		if want := unavailable(d.Unavailable); !slices.Equal(want, got.Unavailable) || got.Unsealed != d.Unsealed {
			t.Fatalf("of %s\nGo says %v and %d unsealed\nPython says %v and %d", rec.Value, want, d.Unsealed, got.Unavailable, got.Unsealed)
		}
		if request.Records[i].Probe {
			x.compareProbe(t, &rec, got.Without, got.Tampered, len(d.Unavailable) > 0)
		}
		if len(d.Unavailable) > 0 {
			x.unavailable += len(d.Unavailable)
			continue
		}
		want, err := d.Event.AppendJSON(nil)
		if err != nil {
			t.Fatal(err)
		}
		sameJSON(t, "read", want, []byte(got.Plain))
		again := event.Record{Topic: rec.Topic, Key: []byte(got.Key), Value: got.Again}
		for _, h := range got.Headers {
			again.Headers = append(again.Headers, event.Header{Key: h[0], Value: []byte(h[1])})
		}
		if containsMarker(string(again.Value)) || containsMarker(got.Key) {
			t.Fatalf("Python writes what is to be encrypted: %s", again.Value)
		}
		if got.Key != string(rec.Key) {
			t.Fatalf("the key is %q, and Python's %q", rec.Key, got.Key)
		}
		back, err := event.Decode(&again, x.types, event.DecodeOptions{Keys: x.keys, Context: t.Context()})
		if err != nil || len(back.Unavailable) > 0 || back.Unsealed > 0 {
			t.Fatalf("Python wrote %s\nGo says %v, %d unavailable, %d unsealed", again.Value, err, len(back.Unavailable), back.Unsealed)
		}
		plain, err := back.Event.AppendJSON(nil)
		if err != nil {
			t.Fatal(err)
		}
		sameJSON(t, "written", want, plain)
		x.sealed += bytes.Count(again.Value, []byte(`"trs:`))
		if n := bytes.Count(rec.Value, []byte(`"trs:`)); n != bytes.Count(again.Value, []byte(`"trs:`)) {
			t.Fatalf("%d values are sealed in %s\nand others in %s", n, rec.Value, again.Value)
		}
		if isNew { // sealed with the keys of the present
			x.compareDeterministic(t, &rec, &again)
		}
	}
}

// compareProbe looks at what Python says without keys, and of a value that was changed.
func (x *exchange) compareProbe(t *testing.T, rec *event.Record, without [][3]string, tampered [][2]string, isPartial bool) {
	t.Helper()
	d, err := event.Decode(rec, x.types, event.DecodeOptions{})
	if err != nil {
		t.Fatalf("of %s without keys Go says %v", rec.Value, err)
	}
	var want [][3]string
	for _, u := range d.Unavailable {
		want = append(want, [3]string{u.Path, u.Key.String(), "no_keys"})
	}
	if !slices.Equal(want, without) {
		t.Fatalf("of %s without keys\nGo says %v\nPython says %v", rec.Value, want, without)
	}
	if len(want) > 0 && !isPartial && (len(tampered) != 1 || tampered[0][1] != "can't be decrypted: "+encrypt.ErrRefused.Error()) {
		t.Fatalf("of %s with a value that was changed Python says %v", rec.Value, tampered)
	}
}

// compareDeterministic compares the values that are sealed to the same text.
func (x *exchange) compareDeterministic(t *testing.T, a, b *event.Record) {
	t.Helper()
	if one, other := x.deterministic(t, a), x.deterministic(t, b); !reflect.DeepEqual(one, other) {
		t.Fatalf("deterministic values (-Go +Python):\n%s", gocmp.Diff(one, other))
	}
}

func (x *exchange) deterministic(t *testing.T, rec *event.Record) map[string]string {
	t.Helper()
	var envelope struct{ Payload json.RawMessage }
	if err := json.Unmarshal(rec.Value, &envelope); err != nil {
		t.Fatal(err)
	}
	info := x.types.Find(rec.Topic, rec.Header("event-type"))
	found := map[string]string{}
	info.Masks.Sealed(jsonio.NewReader(envelope.Payload), info.FullName, func(m *jsonio.SealedMember) {
		if m.Seal.Deterministic {
			found[strings.Clone(m.Pointer())] = string(envelope.Payload[m.Value.Start:m.Value.End])
		}
	})
	return found
}

func unavailable(fields []event.UnavailableField) [][3]string {
	var out [][3]string
	for _, u := range fields {
		reason := "?"
		if of, ok := errors.AsType[*encrypt.UnavailableError](u.Err); ok {
			reason = string(of.Reason)
		}
		out = append(out, [3]string{u.Path, u.Key.String(), reason})
	}
	return out
}

func sameJSON(t *testing.T, what string, want, got []byte) {
	t.Helper()
	if w, g := exactly(t, want), exactly(t, got); !reflect.DeepEqual(w, g) {
		t.Fatalf("%s (-Go +Python):\n%s", what, gocmp.Diff(w, g))
	}
}

// persons is how many data subjects the events are about.
const persons = 40

func person(n int) string { return fmt.Sprintf("person %d ü", n) }

func randomUUID(rng *rand.Rand) string {
	var id uuid.UUID
	for i := range id {
		id[i] = byte(rng.Uint32())
	}
	id[6], id[8] = id[6]&0xf|0x70, id[8]&0x3f|0x80
	return id.String()
}

// markers are in what is planted in encrypted fields, as records, reprs and errors would have it.
var markers = []string{"MARKER", "TUFSS0VS", "77077077", "deadbeef-", "1907-08-07", "1907, 8, 7"}

func containsMarker(text string) bool {
	return slices.ContainsFunc(markers, func(m string) bool { return strings.Contains(text, m) })
}

// planter makes random events, valid ones, with markers in what is encrypted.
type planter struct {
	records
	planted int
	secret  bool
	most    int // of so many fields that may be absent one is there
}

func (g *planter) record(e *schema.Event) string {
	id := g.uuid()
	payload := g.object(e.Message, 0)
	if e.Envelope == schema.EnvelopeOnexV1 {
		return `{"envelope_version":"1.0","correlation_id":` + id + `,"session_id":null,"event_type":` + quoted(e.Type) + `,"timestamp":"2026-03-01T12:00:00Z","payload":` + payload + `}`
	}
	return `{"event_id":` + id + `,"event_type":` + quoted(e.Type) + `,"timestamp":"2026-03-01T12:00:00Z","version":"1.0.0",` +
		`"source":{"service_name":"a","service_version":"1","instance_id":"i"},"payload":` + payload + `}`
}

func (g *planter) object(m *schema.Message, depth int) string {
	var out []string
	oneof := map[*schema.Oneof]int{}
	for _, f := range m.Fields {
		if f.Oneof != nil {
			if _, known := oneof[f.Oneof]; !known {
				oneof[f.Oneof] = g.rng.IntN(len(f.Oneof.Fields) + 1)
			}
			if i := oneof[f.Oneof]; i == len(f.Oneof.Fields) || f.Oneof.Fields[i] != f {
				continue
			}
		}
		if !f.Required && !f.JSONRequired && (depth > 3 || g.rng.IntN(g.most) > 0) {
			continue
		}
		before := g.secret
		g.secret = g.secret || f.EncryptionKey != ""
		var text string
		switch {
		case f.Name == "id" && depth > 0:
			text = quoted(person(g.rng.IntN(persons)))
		case f.Nullable && g.rng.IntN(6) == 0:
			text = "null"
		default:
			text = g.typed(f.Type, depth+1)
		}
		g.secret = before
		out = append(out, quoted(f.JSONName)+":"+text)
	}
	if m.Undeclared != nil && g.rng.IntN(3) == 0 {
		out = append(out, `"extra":`+strconv.Itoa(g.rng.IntN(100)))
	}
	return "{" + strings.Join(out, ",") + "}"
}

func (g *planter) typed(t *schema.Type, depth int) string {
	switch {
	case t.Union != nil:
		return g.object(t.Union.Variants[g.rng.IntN(len(t.Union.Variants))].Message, depth)
	case t.Kind == schema.MessageKind && t.Message.WellKnown() == "Duration":
		return quoted(g.digits(9) + "." + g.plain(3, "0123456789") + "s")
	case t.Kind == schema.MessageKind && t.Message.WellKnown() == "StringValue":
		return g.text(30)
	case t.Kind == schema.MessageKind:
		return g.object(t.Message, depth)
	}
	switch t.Kind {
	case schema.Bool:
		return g.pick([]string{"true", "false"})
	case schema.Int32:
		return g.digits(9)
	case schema.Int64:
		if t.Constraints.Max != nil {
			return strconv.Itoa(g.rng.IntN(9999))
		}
		return g.digits(15)
	case schema.Float, schema.Double:
		return g.digits(9) + "." + g.plain(3, "123456789")
	case schema.String:
		return g.string(t.Constraints)
	case schema.Bytes:
		return quoted(base64.StdEncoding.EncodeToString([]byte(g.marker("MARKER") + g.plain(g.rng.IntN(20), "xyz"))))
	case schema.EnumKind:
		names := []string{}
		for _, v := range t.Enum.Values {
			if v.JSONName != "" {
				names = append(names, v.JSONName)
			}
		}
		return quoted(g.pick(names))
	case schema.Timestamp:
		return quoted(cmp.Or(g.marker("1907-08-07"), "2026-03-01") + fmt.Sprintf("T%02d:%02d:%02d.%06dZ", g.rng.IntN(24), g.rng.IntN(60), g.rng.IntN(60), g.rng.IntN(1e6)))
	case schema.List:
		var items []string
		for range g.rng.IntN(4) {
			items = append(items, g.typed(t.Elem, depth+1))
		}
		return "[" + strings.Join(items, ",") + "]"
	case schema.Map:
		var items []string
		for n := range g.rng.IntN(3) {
			items = append(items, quoted(g.pick([]string{"a", "b c", "~/ü", `"q"`, "[0].x"})+strconv.Itoa(n))+":"+g.typed(t.Elem, depth+1))
		}
		return "{" + strings.Join(items, ",") + "}"
	}
	return `{"k":` + g.text(30) + `,"n":` + g.digits(12) + `,"l":[null,1.50,-0,` + g.text(30) + `,{"trs:":"trs:"}],"u":` + g.value(1) + `}`
}

// marker is the text where something secret is made, and nothing elsewhere.
func (g *planter) marker(text string) string {
	if !g.secret {
		return ""
	}
	g.planted++
	return text
}

func (g *planter) digits(n int) string {
	return cmp.Or(g.marker("77077077"), "11011011") + g.plain(n-8, "123456789")
}

func (g *planter) plain(n int, alphabet string) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[g.rng.IntN(len(alphabet))]
	}
	return string(b)
}

func (g *planter) text(most int) string {
	text := g.marker("MARKER")
	for _, part := range []string{g.pick([]string{"", "ü", "日😀", "\"\\\n", "trs:"}), g.plain(g.rng.IntN(20), "abc 123")} {
		if len([]rune(text+part)) <= most {
			text += part
		}
	}
	return quoted(text)
}

func (g *planter) string(c schema.Constraints) string {
	switch {
	case c.Format == "uuid":
		return quoted(cmp.Or(g.marker("deadbeef-"), "feedbeef-") + randomUUID(g.rng)[9:])
	case c.Format == "date":
		return quoted(cmp.Or(g.marker("1907-08-07"), "2026-03-01"))
	case c.Pattern != "":
		return quoted(g.marker("MARKER") + g.plain(5, "ABC123"))
	case c.Const != "":
		return c.Const
	case c.MaxLen != nil && *c.MaxLen < 10:
		return quoted(g.plain(g.rng.IntN(int(*c.MaxLen)+1), "abc"))
	}
	most := 60
	if c.MaxLen != nil {
		most = int(*c.MaxLen)
	}
	return g.text(most)
}

// TestSealedRefusedAlike has Go and Python read records that somebody has tampered with: both take or refuse them, and find the same.
func TestSealedRefusedAlike(t *testing.T) {
	t.Parallel()
	x := newExchange(t)
	key := func(class string) *encrypt.Key {
		k, err := x.keys.Current(t.Context(), class, "ada")
		if err != nil {
			t.Fatal(err)
		}
		return k
	}
	const id = "01990000-0000-7000-8000-000000000001"
	seal := func(class, pointer string, format encrypt.Format, value string, isDeterministic bool) string {
		place := encrypt.Place{EventType: "account.charged", EventID: id, Pointer: pointer, Schema: pointer}
		text, err := key(class).AppendText(nil, &place, format, []byte(value), isDeterministic)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	stranger, err := encrypt.NewKey(uuid.New(), make([]byte, encrypt.SecretSize))
	if err != nil {
		t.Fatal(err)
	}
	strange, err := stranger.AppendText(nil, &encrypt.Place{EventType: "account.charged", EventID: id, Pointer: "/iban", Schema: "/iban"}, encrypt.Text, []byte("X"), false)
	if err != nil {
		t.Fatal(err)
	}
	iban := seal("pii", "/iban", encrypt.Text, "DE1", false)
	pin := seal("pii", "/pin", encrypt.JSON, "12", false)
	name := seal("pii", "/holder/name", encrypt.Text, "n", false)
	age := seal("pii", "/holder/age", encrypt.JSON, "3", false)
	const rest = `"id":"a","holder":{"id":"ada","name":"n","age":1}`
	payload := func(members string) string { return `{` + rest + `,` + members + `}` }
	withIBAN := func(text string) string { return payload(`"iban":` + quoted(text)) }
	cases := map[string]string{
		"right":                            payload(`"iban":` + quoted(iban) + `,"pin_encrypted":` + quoted(pin)),
		"right, with escapes":              payload(`"iban":"\u0074r\u0073:` + iban[4:] + `"`),
		"not encrypted":                    payload(`"iban":"DE1","pin":12`),
		"in another field":                 withIBAN(seal("pii", "/email", encrypt.Text, "DE1", false)),
		"changed":                          withIBAN(iban[:40] + "x" + iban[41:]),
		"cut off by one":                   withIBAN(iban[:len(iban)-1]),
		"cut off in the tag":               withIBAN(iban[:len(iban)-8]),
		"cut off in the header":            withIBAN(iban[:20]),
		"the prefix alone":                 withIBAN("trs:"),
		"the prefix in capitals":           withIBAN("TRS:" + iban[4:]),
		"with padding":                     withIBAN(iban + "="),
		"with a line's end":                withIBAN(iban + "\n"),
		"with a blank":                     withIBAN(iban[:30] + " " + iban[30:]),
		"in base64's other alphabet":       withIBAN(iban[:30] + "+/" + iban[32:]),
		"with digits of another script":    withIBAN(iban[:30] + "٣" + iban[31:]),
		"of another version":               withIBAN("trs:Ag" + iban[6:]),
		"of an unknown format":             withIBAN("trs:AfE" + iban[7:]),
		"of an unknown mode":               withIBAN("trs:AQ4" + iban[7:]),
		"as JSON":                          withIBAN(seal("pii", "/iban", encrypt.JSON, `"DE1"`, false)),
		"as bytes":                         withIBAN(seal("pii", "/iban", encrypt.Bytes, "DE1", false)),
		"deterministic":                    withIBAN(seal("pii", "/iban", encrypt.Text, "DE1", true)),
		"deterministic where it may be":    payload(`"iban":"A","email":` + quoted(seal("pii", "/email", encrypt.Text, "e", true))),
		"random where it may be":           payload(`"iban":"A","email":` + quoted(seal("pii", "/email", encrypt.Text, "e", false))),
		"with a key of another class":      withIBAN(seal("finance", "/iban", encrypt.Text, "DE1", false)),
		"with a key that nobody has":       withIBAN(string(strange)),
		"against a rule":                   withIBAN(seal("pii", "/iban", encrypt.Text, "MARKER small", false)),
		"not UTF-8":                        withIBAN(seal("pii", "/iban", encrypt.Text, "MARKER\xff\xfe", false)),
		"a surrogate":                      withIBAN(seal("pii", "/iban", encrypt.Text, "MARKER\xed\xa0\x80", false)),
		"empty":                            payload(`"iban":"A","email":` + quoted(seal("pii", "/email", encrypt.Text, "", false))),
		"a number in its place":            payload(`"iban":7`),
		"null in its place":                payload(`"iban":null`),
		"a list in its place":              payload(`"iban":[` + quoted(iban) + `]`),
		"beside, not JSON":                 payload(`"iban":"A","pin_encrypted":` + quoted(seal("pii", "/pin", encrypt.JSON, `"MARKER" 2`, false))),
		"beside, nothing":                  payload(`"iban":"A","pin_encrypted":` + quoted(seal("pii", "/pin", encrypt.JSON, "", false))),
		"beside, NaN":                      payload(`"iban":"A","pin_encrypted":` + quoted(seal("pii", "/pin", encrypt.JSON, "NaN", false))),
		"beside, white space":              payload(`"iban":"A","pin_encrypted":` + quoted(seal("pii", "/pin", encrypt.JSON, " 1\n", false))),
		"beside, null":                     payload(`"iban":"A","balance_encrypted":` + quoted(seal("finance", "/balance", encrypt.JSON, "null", false))),
		"beside, another type":             payload(`"iban":"A","pin_encrypted":` + quoted(seal("pii", "/pin", encrypt.JSON, `"MARKER"`, false))),
		"beside, too large":                payload(`"iban":"A","pin_encrypted":` + quoted(seal("pii", "/pin", encrypt.JSON, "77077077", false))),
		"beside, as text":                  payload(`"iban":"A","pin_encrypted":` + quoted(seal("pii", "/pin", encrypt.Text, "12", false))),
		"beside, an object":                payload(`"iban":"A","safe_encrypted":` + quoted(seal("pii", "/safe", encrypt.JSON, `{"door":"d","owner":{"name":"n","age":2}}`, false))),
		"beside, with a member twice":      payload(`"iban":"A","safe_encrypted":` + quoted(seal("pii", "/safe", encrypt.JSON, `{"door":"MARKER","door":"MARKER"}`, false))),
		"beside, sealed again inside":      payload(`"iban":"A","safe_encrypted":` + quoted(seal("pii", "/safe", encrypt.JSON, `{"door":"d","owner":{"name":`+quoted(name)+`,"age":2}}`, false))),
		"beside, nested deeply":            payload(`"iban":"A","notes_encrypted":` + quoted(seal("pii", "/notes", encrypt.JSON, `{"a":`+strings.Repeat("[", 505)+strings.Repeat("]", 505)+`}`, false))),
		"beside, nested too deeply":        payload(`"iban":"A","notes_encrypted":` + quoted(seal("pii", "/notes", encrypt.JSON, `{"a":`+strings.Repeat("[", 600)+strings.Repeat("]", 600)+`}`, false))),
		"beside, not sealed":               payload(`"iban":"A","pin_encrypted":12`),
		"beside, not sealed text":          payload(`"iban":"A","pin_encrypted":"12"`),
		"beside, null itself":              payload(`"iban":"A","pin_encrypted":null`),
		"under the name of what is beside": payload(`"iban":"A","pin":` + quoted(pin)),
		"in its place under another name":  payload(`"iban":"A","iban_encrypted":` + quoted(iban)),
		"with what it stands for":          payload(`"iban":"A","pin":12,"pin_encrypted":` + quoted(pin)),
		"twice":                            payload(`"iban":` + quoted(iban) + `,"iban":` + quoted(iban)),
		"twice, once plain":                payload(`"iban":"A","iban":` + quoted(iban)),
		"beside, twice":                    payload(`"iban":"A","pin_encrypted":` + quoted(pin) + `,"pin_encrypted":` + quoted(pin)),
		"in a field that is not encrypted": payload(`"iban":"A","shown":` + quoted(iban)),
		"in a member nobody knows":         payload(`"iban":"A","more":` + quoted(iban) + `,"more_encrypted":` + quoted(iban)),
		"a holder's":                       `{"id":"a","iban":"A","holder":{"id":"ada","name":` + quoted(name) + `,"age_encrypted":` + quoted(age) + `,"more":1}}`,
		"another's":                        payload(`"iban":"A","others":[{"name":` + quoted(name) + `,"age":1}]`),
		"a holder that is a list":          `{"id":"a","iban":"A","holder":[{"name":` + quoted(name) + `}]}`,
		"others that are one":              payload(`"iban":"A","others":{"name":` + quoted(name) + `,"age":1}`),
		"an unknown way":                   payload(`"iban":"A","way":{"kind":"coin","number":` + quoted(seal("finance", "/way/number", encrypt.Text, "1", false)) + `}`),
		"a way without a kind":             payload(`"iban":"A","way":{"number":` + quoted(seal("finance", "/way/number", encrypt.Text, "1", false)) + `}`),
		"a card":                           payload(`"iban":"A","way":{"kind":"card","number":` + quoted(seal("finance", "/way/number", encrypt.Text, "1", false)) + `}`),
		"cash with a card's":               payload(`"iban":"A","way":{"kind":"cash","number":` + quoted(seal("finance", "/way/number", encrypt.Text, "1", false)) + `,"limit_encrypted":1}`),
		"a card with more":                 payload(`"iban":"A","way":{"kind":"card","number":"1","limit_encrypted":` + quoted(seal("finance", "/way/limit", encrypt.JSON, "1", false)) + `,"x":1}`),
		"a card that lacks its number":     payload(`"iban":"A","way":{"kind":"card","limit_encrypted":` + quoted(seal("finance", "/way/limit", encrypt.JSON, "1", false)) + `}`),
		"not an object":                    `[]`,
		"null":                             `null`,
	}
	names := slices.Sorted(maps.Keys(cases))
	request := sealedRequest{Entries: [][2]string{}}
	for _, e := range x.store.entries {
		request.Entries = append(request.Entries, [2]string{string(e.Key), string(e.Value)})
	}
	var records []event.Record
	for _, name := range names {
		for _, eventID := range []string{id, strings.ToUpper(id), uuid.NewString()} {
			value := []byte(`{"event_id":"` + id + `","event_type":"account.charged","timestamp":"2026-03-01T12:00:00Z","source":{"service_name":"a","service_version":"1","instance_id":"i"},"payload":` + cases[name] + `}`)
			request.Records = append(request.Records, sealedRecord{Topic: "acme.charges", Value: value, Headers: [][2]string{{"event-id", eventID}, {"event-type", "account.charged"}}})
			records = append(records, event.Record{Topic: "acme.charges", Value: value, Headers: []event.Header{{Key: "event-id", Value: []byte(eventID)}, {Key: "event-type", Value: []byte("account.charged")}}})
		}
	}
	var answer sealedAnswer
	x.peer.ask(t, request, &answer)
	valid := 0
	for i, got := range answer.Results {
		name := names[i/3]
		if shown := got.Error + strings.Join(got.Shown, "\n"); containsMarker(shown) {
			t.Errorf("%s: Python shows %.2000s", name, shown)
		}
		d, err := event.Decode(&records[i], x.types, event.DecodeOptions{Keys: x.keys, Context: t.Context()})
		if (err == nil) != (got.Error == "") {
			t.Errorf("%s (%d): Go says %v\nPython says %s", name, i%3, err, got.Error)
			continue
		}
		if err != nil {
			continue
		}
		valid++
		if want := unavailable(d.Unavailable); !slices.Equal(want, got.Unavailable) || d.Unsealed != got.Unsealed {
			t.Errorf("%s (%d): Go says %v and %d unsealed\nPython says %v and %d", name, i%3, want, d.Unsealed, got.Unavailable, got.Unsealed)
		}
		plain, err := d.Event.AppendJSON(nil)
		if err != nil {
			t.Fatal(err)
		}
		if w, g := exactly(t, plain), exactly(t, []byte(got.Plain)); len(d.Unavailable) == 0 && !reflect.DeepEqual(w, g) {
			t.Errorf("%s (-Go +Python):\n%s", name, gocmp.Diff(w, g))
		}
	}
	if err := x.peer.errors.take(); containsMarker(err) {
		t.Errorf("Python wrote to its standard error: %.2000s", err)
	}
	t.Logf("%d of %d are taken", valid, len(records))
	if valid < 30 || valid > len(records)-60 {
		t.Error("too few of one kind")
	}
}

// TestSealedInAny has messages with encrypted fields stand in a google.protobuf.Any, which says what it holds.
func TestSealedInAny(t *testing.T) {
	t.Parallel()
	set := loadSet(t, filepath.Join("testdata", "any", "in"))
	x := newExchangeOf(t, set, event.NewTypes(dynamic.Events(set)...))
	const person = `{"@type":"type.googleapis.com/acme.any.v1.Person","id":"p","name":"MARKER","age":77077077}`
	const plain = `{"@type":"type.googleapis.com/acme.any.v1.Plain","name":"open"}`
	info := x.types.Find("acme_wrapped_v1", "Wrapped")
	var batch []event.Record
	for _, text := range []string{
		`{"id":"a","one":` + person + `}`, `{"id":"b","one":` + plain + `,"more":[` + plain + `,` + person + `,` + person + `]}`,
	} {
		e := info.New()
		r := jsonio.NewReader([]byte(text))
		if e.DecodeJSON(r); r.Err() != nil {
			t.Fatal(r.Err())
		}
		rec, err := event.Encode(e, nil, event.EncodeOptions{Keys: x.keys, Context: t.Context()})
		if err != nil {
			t.Fatal(err)
		}
		batch = append(batch, rec)
	}
	x.compare(t, batch, true)
	if x.sealed != 6 {
		t.Errorf("%d values are sealed, want 6", x.sealed)
	}
}
