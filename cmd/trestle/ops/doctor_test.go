package ops

import (
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// A broker that names itself by a name which this machine can't resolve is the first trouble of many: it is told, with the name.
func TestDoctorFindsWhatBrokersAdvertise(t *testing.T) {
	t.Parallel()
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	cluster.ControlKey(int16(kmsg.Metadata), func(request kmsg.Request) (kmsg.Response, error, bool) {
		cluster.KeepControl()
		response := request.ResponseKind().(*kmsg.MetadataResponse)
		b := kmsg.NewMetadataResponseBroker()
		b.NodeID, b.Host, b.Port = 7, "kafka.invalid", 9092
		response.Brokers, response.ControllerID = append(response.Brokers, b), 7
		return response, nil, true
	})
	var said []string
	healthy, err := Doctor(t.Context(), &Project{missing: ErrNoProject}, Environment{Brokers: cluster.ListenAddrs()}, func(c DoctorCheck) {
		said = append(said, string(c.Status)+" "+c.Name+": "+c.Detail+" → "+c.Advice)
	})
	if err != nil || healthy {
		t.Errorf("healthy %v, %v", healthy, err)
	}
	all := strings.Join(said, "\n")
	if !strings.Contains(all, "fail advertised addresses: broker 7 says that it is at kafka.invalid:9092, a name that this machine can't resolve") || !strings.Contains(all, "advertised.listeners") {
		t.Errorf("it says:\n%s", all)
	}
}
