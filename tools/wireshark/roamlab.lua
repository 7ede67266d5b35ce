-- Shows roamlab's own messages in Wireshark and tshark: the offload messages (emulator/wire/offload.h) in 802.11 data frames and in UDP, and
-- IAPP with its context block, the token of a migration (emulator/wire/iapp.h).
--
--   wireshark -X lua_script:roamlab.lua HOST.pcap     or put this file into Wireshark's plugin folder

local types = {
    [1] = "REQUEST (SVCQ)", "REPLY (SVCR)", "EDGE READY", "BYE", "ATTACH", "MIGRATE", "CANCEL", "FETCH", "REPLAY", "PROBE", "ACTIVATE", "STOP", "CUT",
    "LOGGED", "REPLAYED", "PROBED", "FAILED", "INSTALL", "REMOVE", "ACK", "LOAD", "DELEGATE",
    "CLAIM", "OWNED", "PREPULL",
}
local roles = { [0] = "none", "MUD", "AP", "edge" }
local commands = { [0] = "ADD-notify", "MOVE-notify", "MOVE-response", [5] = "CACHE-notify", [6] = "CACHE-response" }
local elements = { "version", "user", "anchor", "migration", "next number", "request", "log cut short", "ask instead" }
local answers = { [0] = "successful", "denied", "stale move" }

local function party_name(role, index)
    return role == 0 and "none" or string.format("%s %d", roles[role] or "role " .. role, index)
end

-- offload messages ---------------------------------------------------------------------------------------------------

local offload = Proto("roamlab", "roamlab offload message")
local o = {
    version = ProtoField.uint8("roamlab.version", "Version"),
    type = ProtoField.uint8("roamlab.type", "Type", base.DEC, types),
    cached = ProtoField.bool("roamlab.flags.cached", "Answered from the reply cache", 8, nil, 0x01),
    executed = ProtoField.bool("roamlab.flags.executed", "Executed; the digest is valid", 8, nil, 0x02),
    anew = ProtoField.bool("roamlab.flags.anew", "A new container begins at this number", 8, nil, 0x04),
    snapshot = ProtoField.bool("roamlab.flags.snapshot", "Begins from a snapshot", 8, nil, 0x08),
    brief = ProtoField.bool("roamlab.flags.brief", "Without the checksum", 8, nil, 0x10),
    forgotten = ProtoField.bool("roamlab.flags.forgotten", "The sender does not know whether it is committed", 8, nil, 0x20),
    hops = ProtoField.uint8("roamlab.hops", "Forwards left"),
    acked = ProtoField.uint8("roamlab.acked", "Acknowledges", base.DEC, types),
    peer_role = ProtoField.uint8("roamlab.peer.role", "Peer's role", base.DEC, roles),
    mud = ProtoField.uint32("roamlab.mud", "MUD"),
    sequence = ProtoField.uint32("roamlab.sequence", "Association sequence"),
    migration = ProtoField.uint32("roamlab.migration", "Migration"),
    number = ProtoField.uint32("roamlab.number", "Request number"),
    until_number = ProtoField.uint32("roamlab.until", "Until"),
    status = ProtoField.int32("roamlab.status", "Status (negative errno)"),
    peer = ProtoField.uint32("roamlab.peer.index", "Peer's index"),
    digest = ProtoField.uint64("roamlab.digest", "Digest", base.HEX),
    checksum = ProtoField.uint64("roamlab.checksum", "Checksum", base.HEX),
    length = ProtoField.uint32("roamlab.payload_len", "Payload length"),
    payload = ProtoField.bytes("roamlab.payload", "Payload"),
}
offload.fields = o

local header_bytes = 56

local function is_offload(bytes)
    return bytes:len() >= header_bytes and bytes(0, 2):string() == "RL" and bytes(2, 1):uint() == 1
end

function offload.dissector(bytes, packet, root)
    if not is_offload(bytes) then
        return 0
    end
    local type, number = bytes(3, 1):uint(), bytes(20, 4):uint()
    local tree = root:add(offload, bytes(), string.format("roamlab %s, MUD %d", types[type] or "type " .. type, bytes(8, 4):uint()))
    tree:add(o.version, bytes(2, 1))
    tree:add(o.type, bytes(3, 1))
    for _, flag in ipairs({o.cached, o.executed, o.anew, o.snapshot, o.brief, o.forgotten}) do
        tree:add(flag, bytes(4, 1))
    end
    tree:add(o.hops, bytes(5, 1))
    tree:add(o.acked, bytes(6, 1))
    tree:add(o.mud, bytes(8, 4))
    tree:add(o.sequence, bytes(12, 4))
    tree:add(o.migration, bytes(16, 4))
    tree:add(o.number, bytes(20, 4))
    tree:add(o.until_number, bytes(24, 4))
    tree:add(o.status, bytes(28, 4))
    local peer = tree:add(bytes(32, 4), "Peer: " .. party_name(bytes(7, 1):uint(), bytes(32, 4):uint()))
    peer:add(o.peer_role, bytes(7, 1))
    peer:add(o.peer, bytes(32, 4))
    tree:add(o.digest, bytes(36, 8))
    tree:add(o.checksum, bytes(44, 8))
    tree:add(o.length, bytes(52, 4))
    if bytes:len() > header_bytes then
        tree:add(o.payload, bytes(header_bytes))
    end
    packet.cols.protocol = "roamlab"
    packet.cols.info = string.format("%s %d, MUD %d", types[type] or "type " .. type, number, bytes(8, 4):uint())
    return bytes:len()
end

DissectorTable.get("ethertype"):add(0x88b5, offload)
offload:register_heuristic("udp", function(bytes, packet, root)
    return offload.dissector(bytes, packet, root) > 0
end)

-- IAPP ---------------------------------------------------------------------------------------------------------------

local iapp = Proto("roamlab_iapp", "IAPP (IEEE 802.11F) with roamlab's context")
local i = {
    command = ProtoField.uint8("roamlab_iapp.command", "Command", base.DEC, commands),
    identifier = ProtoField.uint16("roamlab_iapp.identifier", "Identifier"),
    length = ProtoField.uint16("roamlab_iapp.length", "Length"),
    status = ProtoField.uint8("roamlab_iapp.status", "Status", base.DEC, answers),
    station = ProtoField.ether("roamlab_iapp.station", "Station"),
    sequence = ProtoField.uint16("roamlab_iapp.sequence", "Sequence (low 16 bits)"),
    current_ap = ProtoField.ether("roamlab_iapp.current_ap", "Current access point"),
    timeout = ProtoField.uint16("roamlab_iapp.timeout", "Timeout (s)"),
    element = ProtoField.uint16("roamlab_iapp.element", "Element", base.DEC, elements),
    offloading = ProtoField.bool("roamlab_iapp.offloading", "Offloading user"),
    mud = ProtoField.uint32("roamlab_iapp.mud", "MUD"),
    association = ProtoField.uint32("roamlab_iapp.association", "Association sequence"),
    anchor_edge = ProtoField.uint32("roamlab_iapp.anchor.edge", "Anchor's edge"),
    anchor_ap = ProtoField.uint32("roamlab_iapp.anchor.ap", "Anchor's access point"),
    migration = ProtoField.uint32("roamlab_iapp.migration", "Migration"),
    phase = ProtoField.uint8("roamlab_iapp.phase", "Phase of the migration"),
    next_number = ProtoField.uint32("roamlab_iapp.next", "First request that the log lacks"),
    request = ProtoField.uint32("roamlab_iapp.request", "Request of the replay log"),
    ask = ProtoField.uint32("roamlab_iapp.ask_instead", "Access point to ask instead"),
    rest = ProtoField.bytes("roamlab_iapp.bytes", "Bytes"),
}
iapp.fields = i
local short = ProtoExpert.new("roamlab_iapp.short", "An element ends behind the packet", expert.group.MALFORMED, expert.severity.ERROR)
iapp.experts = { short }

local function add_anchor(tree, bytes)
    if bytes(0, 1):uint() ~= 0 then
        tree:add(i.anchor_edge, bytes(1, 4))
    end
    if bytes(5, 1):uint() ~= 0 then
        tree:add(i.anchor_ap, bytes(6, 4))
    end
end

-- By element identifier: the bytes that it needs at least, and how they are shown.
local shown = {
    [2] = { 9, function(tree, bytes)
        tree:add(i.offloading, bytes(0, 1), bytes(0, 1):uint() == 1)
        tree:add(i.mud, bytes(1, 4))
        tree:add(i.association, bytes(5, 4))
    end },
    [3] = { 10, add_anchor },
    [4] = { 5, function(tree, bytes)
        tree:add(i.migration, bytes(0, 4))
        tree:add(i.phase, bytes(4, 1))
    end },
    [5] = { 4, function(tree, bytes) tree:add(i.next_number, bytes(0, 4)) end },
    [6] = { 8, function(tree, bytes) tree:add(i.request, bytes(0, 4)) end },
    [8] = { 5, function(tree, bytes) tree:add(i.ask, bytes(1, 4)) end },
}

local function add_context(tree, bytes)
    local at = 0
    while at + 4 <= bytes:len() do
        local id, len = bytes(at, 2):uint(), bytes(at + 2, 2):uint()
        local element = tree:add(i.element, bytes(at, 2))
        if at + 4 + len > bytes:len() then
            element:add_proto_expert_info(short)
            return
        end
        local how = shown[id]
        if how and len >= how[1] then
            how[2](element, bytes(at + 4, len):tvb())
        elseif len > 0 then
            element:add(i.rest, bytes(at + 4, len))
        end
        at = at + 4 + len
    end
end

local function is_response(command)
    return command == 2 or command == 6
end

local function show_packet(bytes, packet, root)
    local command, len = bytes(1, 1):uint(), bytes:len()
    local tree = root:add(iapp, bytes(), "IAPP " .. (commands[command] or "command " .. command))
    tree:add(i.command, bytes(1, 1))
    tree:add(i.identifier, bytes(2, 2))
    tree:add(i.length, bytes(4, 2))
    packet.cols.protocol = "IAPP"
    packet.cols.info = commands[command] or "command " .. command
    if len < 16 then
        return len
    end
    if is_response(command) then
        tree:add(i.status, bytes(7, 1))
    end
    tree:add(i.station, bytes(8, 6))
    tree:add(i.sequence, bytes(14, 2))
    local at = 16
    if command == 5 and len >= at + 6 then
        tree:add(i.current_ap, bytes(at, 6))
        at = at + 6
    end
    if (command == 1 or command == 2 or command == 5) and len >= at + 2 then
        local context = math.min(bytes(at, 2):uint(), len - at - 2)
        if context > 0 then
            add_context(tree:add(bytes(at + 2, context), "Context"), bytes(at + 2, context):tvb())
        end
        at = at + 2 + context
    end
    if command == 5 and len >= at + 2 then
        tree:add(i.timeout, bytes(at, 2))
    end
    return len
end

function iapp.dissector(bytes, packet, root)
    if packet.port_type == 2 then
        dissect_tcp_pdus(bytes, root, 6, function(tvb, _, offset) return math.max(tvb(offset + 4, 2):uint(), 6) end, show_packet)
        return bytes:len()
    end
    return bytes:len() >= 6 and show_packet(bytes, packet, root) or 0
end

DissectorTable.get("tcp.port"):add(3517, iapp)
DissectorTable.get("udp.port"):add(3517, iapp)
