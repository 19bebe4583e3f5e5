// Package services starts real Kafka clusters, schema registries, PostgreSQL
// databases, a server that does as AWS does, Python and Node.js environments for
// tests: on loopback, on free ports, and gone when the test is over, also when
// it failed.
//
//	func TestMain(m *testing.M) { os.Exit(services.Main(m)) }
//
//	func TestOrders(t *testing.T) {
//		cluster := services.SharedKafka(t)
//		store := services.Postgres(t)
//		run(t, cluster.Brokers(), store)
//	}
//
// [Kafka] and [Registry] start a service of the test's own. [SharedKafka],
// [SharedRegistry] and [Postgres] start a server once and keep it until [Main]
// returns; in a test binary without Main, until the last test that uses it ends.
//
// # What it takes
//
// Kafka and the registry come from Maven Central (mvn, and a Java of at least 17
// and 21), the Python packages from PyPI (python3), the JavaScript ones from npm
// (node, npm), PostgreSQL from the machine.
// Downloads are kept in a folder trestle of the user's cache folder, or in
// TRESTLE_TEST_CACHE; the command prefetch fills it ahead of the tests.
//
// A test that needs what cannot be had is skipped, and says what is missing.
// With CI=true it fails. TRESTLE_REAL=off skips every such test, under CI too.
// If TRESTLE_SKIPPED names a file, each skip appends a line to it: test binary,
// test, service and reason. Tests that go test takes from its cache append
// nothing, so use -count=1 with it.
//
// # What it leaves behind
//
// Nothing, if the test binary ends by itself. If it is killed, Linux kills the
// services with it, and the next test binary removes their files; on other
// systems, the services stay.
package services
