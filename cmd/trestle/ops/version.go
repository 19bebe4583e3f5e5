package ops

import "runtime/debug"

// Version is which version of Trestle a binary is.
type Version struct {
	// Version is the module's, such as v1.2.3; empty for a checkout that is at none.
	Version string `json:"version"`
	// Commit is what it was built from; empty where that is not known. Modified says that there were changes beside.
	Commit   string `json:"commit"`
	Modified bool   `json:"modified"`
	// Time is the commit's, RFC 3339.
	Time string `json:"time"`
	// Go is the version of Go that it was built with.
	Go string `json:"go"`
}

// OwnVersion says which version this binary is.
func OwnVersion() Version {
	v := Version{Version: ownVersion()}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	v.Go = info.GoVersion
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			v.Commit = s.Value
		case "vcs.time":
			v.Time = s.Value
		case "vcs.modified":
			v.Modified = s.Value == "true"
		}
	}
	return v
}
