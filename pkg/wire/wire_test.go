package wire_test

import (
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/wandstore/wandstore/pkg/wire"
	wandstorev1 "github.com/wandstore/wandstore/proto/wandstore/v1"
)

func record() *wandstorev1.JobRecord {
	return &wandstorev1.JobRecord{
		JobId: "job", StoreSlug: "magic-wands", ShopperId: "abc123", State: wandstorev1.JobState_JOB_STATE_RUNNING,
		Attempt: 2, StreamSeq: 1 << 60, Deadline: timestamppb.New(time.Unix(1, 5)), Reason: "ünï\"\\\n<script>",
	}
}

func TestRoundTrip(t *testing.T) {
	for _, m := range []proto.Message{
		record(), &wandstorev1.JobRecord{},
		&wandstorev1.DeadLetter{RawPayload: []byte("\xff\x00"), Payload: "wand"},
		&wandstorev1.ShopperSession{Stores: map[string]*wandstorev1.StoreSignals{"magic-wands": {Views: 3, Cart: []string{"oak"}}}},
	} {
		b, err := wire.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		got := m.ProtoReflect().New().Interface()
		if err := wire.Unmarshal(b, got); err != nil || !proto.Equal(got, m) {
			t.Errorf("got %v, %v, want %v", got, err, m)
		}
	}
}

// Operators see these names, and programs in other languages write them.
func TestNamesAreJSONs(t *testing.T) {
	b, err := wire.Marshal(record())
	if err != nil {
		t.Fatal(err)
	}
	for _, part := range []string{`"jobId"`, `"storeSlug"`, `"JOB_STATE_RUNNING"`, `"1970-01-01T00:00:01.000000005Z"`} {
		if !strings.Contains(string(b), part) {
			t.Errorf("%s lacks %s", b, part)
		}
	}
}

func TestNewerFieldsAreIgnored(t *testing.T) {
	b, err := wire.Marshal(record())
	if err != nil {
		t.Fatal(err)
	}
	newer := strings.Replace(string(b), "{", `{"fromTheFuture": {"x": [1, null]}, "alsoNew": 7, `, 1)
	got := &wandstorev1.JobRecord{}
	if err := wire.Unmarshal([]byte(newer), got); err != nil || !proto.Equal(got, record()) {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestUnmarshalRefuses(t *testing.T) {
	for _, b := range []string{"", "wand", "[]", "{", "{}{}", "\xff", `{"attempt": -1}`, `{"deadline": "tomorrow"}`, `{"jobId": 7}`} {
		err := wire.Unmarshal([]byte(b), &wandstorev1.JobRecord{})
		if err == nil || !strings.Contains(err.Error(), "JobRecord") {
			t.Errorf("%q: got %v, want an error that names the message", b, err)
		}
	}
}

func TestMarshalRefusesWhatIsNotUTF8(t *testing.T) {
	if b, err := wire.Marshal(&wandstorev1.JobRecord{Reason: "\xff"}); err == nil {
		t.Errorf("got %s", b)
	}
}

func FuzzUnmarshal(f *testing.F) {
	f.Add([]byte(`{"jobId":"job","state":"JOB_STATE_READY"}`))
	f.Add([]byte(`{"state":99,"new":[{}]}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		m := &wandstorev1.JobRecord{}
		if wire.Unmarshal(b, m) != nil {
			return
		}
		again, err := wire.Marshal(m)
		if err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		got := &wandstorev1.JobRecord{}
		if err := wire.Unmarshal(again, got); err != nil || !proto.Equal(got, m) {
			t.Errorf("got %v, %v, want %v", got, err, m)
		}
	})
}
