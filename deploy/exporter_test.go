package deploy_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
)

// startExporter stands in for natsio/prometheus-nats-exporter, whose module is not to be had:
// it asks a server's monitoring port what the exporter asks it with the arguments of
// compose.observability.yaml, and names the answers as version 0.17 does: each number of
// /varz by its path, and of /jsz what panels and rules ask for. It returns its address.
func startExporter(t *testing.T, monitor string) string {
	t.Helper()
	command := loaded(t, observedFiles, nil, map[string]string{"KIMI_API_KEY": "a real one"}).Services["nats-exporter"].Command
	for _, arg := range []string{"-varz", "-jsz=all", "-use_internal_server_name"} {
		if !slices.Contains(command, arg) {
			t.Errorf("the exporter is not started with %s", arg)
		}
	}
	exporter := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var varz map[string]any
		var jsz server.JSInfo
		if asked(r, monitor+"/varz", &varz) != nil || asked(r, monitor+"/jsz?consumers=true&config=true&raft=true", &jsz) != nil {
			http.Error(w, "no answer", http.StatusBadGateway)
			return
		}
		name := fmt.Sprint(varz["server_name"])
		numbers(w, "gnatsd_varz", fmt.Sprintf("{server_id=%q}", name), varz)
		ofServer := fmt.Sprintf("server_id=%q,server_name=%q,is_meta_leader=%q", name, name, "true")
		metric := func(metric, labels string, value any) { fmt.Fprintf(w, "jetstream_%s{%s} %v\n", metric, labels, value) }
		metric("server_jetstream_disabled", ofServer, 0)
		metric("server_total_message_bytes", ofServer, jsz.Bytes)
		metric("server_max_storage", ofServer, jsz.Config.MaxStore)
		for _, account := range jsz.AccountDetails {
			for _, stream := range account.Streams {
				ofStream := ofServer + fmt.Sprintf(",account=%q,stream_name=%q,is_stream_leader=%q", account.Name, stream.Name, "true")
				metric("stream_total_messages", ofStream, stream.State.Msgs)
				for _, consumer := range stream.Consumer {
					ofConsumer := ofStream + fmt.Sprintf(",consumer_name=%q", consumer.Name)
					metric("consumer_num_pending", ofConsumer, consumer.NumPending)
					metric("consumer_num_ack_pending", ofConsumer, consumer.NumAckPending)
					metric("consumer_num_redelivered", ofConsumer, consumer.NumRedelivered)
				}
			}
		}
	}))
	t.Cleanup(exporter.Close)
	return strings.TrimPrefix(exporter.URL, "http://")
}

// numbers writes each number of an answer, under the names on its path.
func numbers(w io.Writer, path, labels string, in map[string]any) {
	for name, value := range in {
		at := path + "_" + strings.Trim(strings.ReplaceAll(name, "/", "_"), "_")
		switch v := value.(type) {
		case float64:
			fmt.Fprintf(w, "%s%s %v\n", at, labels, v)
		case map[string]any:
			numbers(w, at, labels, v)
		}
	}
}

func asked(r *http.Request, url string, into any) error {
	req, err := http.NewRequestWithContext(r.Context(), http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	return json.NewDecoder(res.Body).Decode(into)
}
