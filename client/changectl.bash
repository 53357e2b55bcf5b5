# bash completion for changectl(1); needs the functions of the package bash-completion

# The names of consumers, for those who may ask.
_changectl_consumers() {
    changectl ${1:+--socket="$1"} consumer list 2>/dev/null | awk 'NR > 1 && $1 != "Records" && $1 != "No" { print $1 }'
}

# The shell replaces what follows the last "=" where that separates words: cuts off what is before it.
_changectl_trim() {
    local i
    [[ $COMP_WORDBREAKS == *=* ]] || return
    for i in "${!COMPREPLY[@]}"; do COMPREPLY[i]=${COMPREPLY[i]#"${1%%=*}="}; done
}

_changectl() {
    local cur prev words cword
    _init_completion -n = || return
    local verbs='status checkpoint changes log explain periods follow consumer ack crawl doctor metrics top git-fsmonitor'
    local outputs='short short-iso short-iso-precise short-unix verbose json json-seq cat'
    local types='file directory symlink fifo socket char block'
    local -A options=(
        [status]='--json --help'
        [checkpoint]='--label= --json --help'
        [changes]='--since= --until= --token-file= --consumer= --config-hash= --format= --null --existing --deleted --expand
            --relative-to= --kind= --transient --no-checkpoint --label= --no-wait --quiet --help'
        [log]='--since= --until= --lines= --reverse --follow --pager-end --kind= --type= --output= --utc --quiet
            --no-pager --help'
        [explain]='--since= --until= --token-file= --consumer= --json --help'
        [periods]='--json --help'
        [follow]='--since= --consumer= --config-hash= --kind= --type= --settle= --output= --json
            --help'
        [consumer]='--help'
        [consumer-add]='--watch= --since= --config-hash= --max-lag= --max-lag-size= --json --help'
        [consumer-list]='--json --help'
        [consumer-remove]='--help'
        [ack]='--record= --config-hash= --help'
        [crawl]='--help'
        [doctor]='--json --help'
        [metrics]='--output= --help'
        [top]='--delay= --iterations= --batch --help'
        [git-fsmonitor]='--help'
    )
    local word verb= socket=
    for word in "${words[@]:1}"; do
        [[ $word == --socket=* ]] && socket=${word#--socket=}
        if [[ -z $verb && " $verbs " == *" $word "* ]]; then
            verb=$word
        elif [[ $verb == consumer && $word =~ ^(add|list|remove)$ ]]; then
            verb=consumer-$word
        fi
    done

    # A value that is a word of its own, as in --since yesterday; what is before it is cut off again.
    case $prev in
        -S) prev=--since ;;
        -U) prev=--until ;;
        -o) prev=--output ;;
    esac
    if [[ $COMP_WORDBREAKS == *=* && " --socket= ${options[${verb:-none}]} " == *" $prev= "* ]]; then
        cur=$prev=$cur
    fi

    local value=${cur#*=}
    case $cur in
        --since=* | --until=*)
            local tokens
            tokens=$(changectl ${socket:+--socket="$socket"} periods 2>/dev/null | awk 'NR > 1 { print $1 }')
            mapfile -t COMPREPLY < <(compgen -P "${cur%%=*}=" -W "$tokens now today yesterday -1h" -- "$value")
            _changectl_trim "$cur"
            return ;;
        --format=*)
            mapfile -t COMPREPLY < <(compgen -P '--format=' -W 'text json paths' -- "$value")
            _changectl_trim "$cur"
            return ;;
        --output=*)
            if [[ $verb == metrics ]]; then
                compopt -o filenames -o nospace
                mapfile -t COMPREPLY < <(compgen -P '--output=' -f -- "$value")
                _changectl_trim "$cur"
                return
            fi
            mapfile -t COMPREPLY < <(compgen -P '--output=' -W "$outputs" -- "$value")
            _changectl_trim "$cur"
            return ;;
        --kind=*)
            mapfile -t COMPREPLY < <(compgen -P '--kind=' -W 'entry data metadata' -- "$value")
            _changectl_trim "$cur"
            return ;;
        --type=*)
            mapfile -t COMPREPLY < <(compgen -P '--type=' -W "$types" -- "$value")
            _changectl_trim "$cur"
            return ;;
        --consumer=*)
            mapfile -t COMPREPLY < <(compgen -P '--consumer=' -W "$(_changectl_consumers "$socket")" -- "$value")
            _changectl_trim "$cur"
            return ;;
        --relative-to=* | --watch=*)
            compopt -o filenames -o nospace
            mapfile -t COMPREPLY < <(compgen -P "${cur%%=*}=" -d -- "$value")
            _changectl_trim "$cur"
            return ;;
        --token-file=* | --socket=*)
            compopt -o filenames -o nospace
            mapfile -t COMPREPLY < <(compgen -P "${cur%%=*}=" -f -- "$value")
            _changectl_trim "$cur"
            return ;;
        -*)
            compopt -o nospace
            mapfile -t COMPREPLY < <(compgen -W "${options[${verb:-none}]:---socket= --version --help}" -- "$cur")
            # A space after what takes no value.
            [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} != *= ]] && compopt +o nospace
            return ;;
    esac
    if [[ -z $verb ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$verbs" -- "$cur")
    elif [[ $verb == consumer ]]; then
        mapfile -t COMPREPLY < <(compgen -W 'add list remove' -- "$cur")
    elif [[ $prev == ack || $prev == remove ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$(_changectl_consumers "$socket")" -- "$cur")
    elif [[ $verb == changes || $verb == log || $verb == explain || $verb == follow || $verb == crawl ||
            $verb == top ]]; then
        compopt -o filenames
        mapfile -t COMPREPLY < <(compgen -f -- "$cur")
    fi
}

complete -F _changectl changectl
