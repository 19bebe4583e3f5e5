package schema

import (
	"cmp"
	"encoding/json"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// VersionField is the field in which an event says which version of its schema it was written with.
const VersionField = "schema_version"

// SchemaVersion is the version of its schema that an event carries, "1.0": the default of its field schema_version.
// It is empty where there is none.
func (e *Event) SchemaVersion() string {
	f := e.Message.Field(VersionField)
	if f == nil {
		return ""
	}
	var version string
	if json.Unmarshal([]byte(f.Default), &version) != nil {
		return ""
	}
	return version
}

// Versions returns what an event is in all versions of its package, oldest first, itself among them: the events whose
// messages have the same name. A package without a version in its name has no other.
func (s *Set) Versions(e *Event) []*Event {
	base, version := CutVersion(e.Package.Name)
	if version == "" {
		return []*Event{e}
	}
	s.indexed()
	var out []*Event
	for _, p := range s.index.versions[base] {
		for _, other := range p.Events {
			if other.Message.Name == e.Message.Name {
				out = append(out, other)
			}
		}
	}
	slices.SortStableFunc(out, func(a, b *Event) int {
		_, x := CutVersion(a.Package.Name)
		_, y := CutVersion(b.Package.Name)
		return CompareVersions(x, y)
	})
	return out
}

var versionName = regexp.MustCompile(`^v([0-9]+)(?:(alpha|beta)([0-9]*))?$`)

// CutVersion splits the version off a package's name: "shop.v1" is "shop" in "v1", and "shop" has none.
func CutVersion(name string) (base, version string) {
	at := strings.LastIndexByte(name, '.')
	if at < 0 || !versionName.MatchString(name[at+1:]) {
		return name, ""
	}
	return name[:at], name[at+1:]
}

// CompareVersions orders versions of packages: v1alpha1, v1beta1, v1, v2.
func CompareVersions(a, b string) int {
	x, y := versionRank(a), versionRank(b)
	return slices.Compare(x[:], y[:])
}

// Stable says whether a package is of a version that is neither alpha nor beta.
func Stable(name string) bool {
	_, version := CutVersion(name)
	m := versionName.FindStringSubmatch(version)
	return m != nil && m[2] == ""
}

// VersionNumber is the number of a package's version: 2 of "v2" and of "v2beta1"; 0 of what is none.
func VersionNumber(version string) int { return versionRank(version)[0] }

func versionRank(version string) [3]int {
	m := versionName.FindStringSubmatch(version)
	if m == nil {
		return [3]int{}
	}
	major, _ := strconv.Atoi(m[1])
	minor, _ := strconv.Atoi(cmp.Or(m[3], "0"))
	return [3]int{major, map[string]int{"alpha": 0, "beta": 1, "": 2}[m[2]], minor}
}
