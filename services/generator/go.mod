module github.com/wandstore/wandstore/services/generator

go 1.26.0
