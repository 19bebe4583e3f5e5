package report

import (
	"encoding/json"
	"io"
	"net/url"
	"strings"

	"github.com/omninode/trestle/compat"
)

// The parts of SARIF 2.1.0 that a report needs; names are the standard's.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool       sarifTool     `json:"tool"`
		ColumnKind string        `json:"columnKind"`
		Results    []sarifResult `json:"results"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name  string      `json:"name"`
		Rules []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID                   string      `json:"id"`
		ShortDescription     sarifText   `json:"shortDescription"`
		DefaultConfiguration sarifConfig `json:"defaultConfiguration"`
	}
	sarifConfig struct {
		Level string `json:"level"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	sarifResult struct {
		RuleID              string            `json:"ruleId"`
		RuleIndex           int               `json:"ruleIndex"`
		Level               string            `json:"level"`
		Message             sarifText         `json:"message"`
		Locations           []sarifLocation   `json:"locations"`
		PartialFingerprints map[string]string `json:"partialFingerprints"`
		Properties          sarifProperties   `json:"properties"`
	}
	sarifLocation struct {
		Physical sarifPhysical  `json:"physicalLocation"`
		Logical  []sarifLogical `json:"logicalLocations"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   *sarifRegion  `json:"region,omitempty"`
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifRegion struct {
		StartLine   int `json:"startLine"`
		StartColumn int `json:"startColumn"`
	}
	sarifLogical struct {
		FullyQualifiedName string `json:"fullyQualifiedName"`
	}
	sarifProperties struct {
		Breaks    []string        `json:"breaks"`
		Encodings any             `json:"encodings"`
		Fix       string          `json:"fix"`
		Witness   *compat.Witness `json:"witness,omitempty"`
		Stored    *compat.Stored  `json:"stored,omitempty"`
	}
)

func writeSARIF(w io.Writer, r *compat.Report) error {
	run := sarifRun{ColumnKind: "unicodeCodePoints", Results: []sarifResult{}}
	run.Tool.Driver.Name = "trestle"
	index := map[string]int{}
	rules := compat.RulesOf(r.Profile)
	if r.Records != nil {
		rules = append(rules, compat.RecordRules()...)
	}
	for i, rule := range rules {
		index[rule.ID] = i
		run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, sarifRule{
			ID: rule.ID, ShortDescription: sarifText{rule.Purpose},
			DefaultConfiguration: sarifConfig{string(rule.Severity)},
		})
	}
	for _, f := range r.Findings {
		at := sarifPhysical{Artifact: sarifArtifact{(&url.URL{Path: f.Pos.File}).String()}}
		if f.Pos.Line > 0 {
			at.Region = &sarifRegion{f.Pos.Line, max(f.Pos.Col, 1)}
		}
		text := f.Message() + strings.ReplaceAll(storedLines(f.Stored), "\n", ". ") + ". To fix: " + f.Fix
		if f.Witness != nil {
			text += ". Shown by: " + witnessText(f.Witness)
		}
		run.Results = append(run.Results, sarifResult{
			RuleID: f.Rule, RuleIndex: index[f.Rule], Level: string(f.Severity), Message: sarifText{text},
			Locations:           []sarifLocation{{at, []sarifLogical{{f.Path}}}},
			PartialFingerprints: map[string]string{"trestle/v1": f.Fingerprint()},
			Properties:          sarifProperties{f.Breaks.Names(), f.Encodings, f.Fix, f.Witness, f.Stored},
		})
	}
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(sarifLog{"https://json.schemastore.org/sarif-2.1.0.json", "2.1.0", []sarifRun{run}})
}
